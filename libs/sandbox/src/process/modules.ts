import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ivm from 'isolated-vm';
import { hostFunctionNames } from '../protocol.js';
import { hostCallName } from './glue.js';

const require = createRequire(import.meta.url);

/** What scripts may import. Reference: runtime §16.2. */
export type ModuleName = 'integrator-api' | 'dayjs' | 'sjcl';

/** A CommonJS file as an expression that is its exports. */
function commonJs(path: string): string {
  const source = readFileSync(require.resolve(path), 'utf8');
  return `(() => { const module = { exports: {} }; const exports = module.exports; (function () {${source}\n}).call(exports); return module.exports; })()`;
}

function dayjsSource(): string {
  const plugins = ['utc', 'timezone', 'customParseFormat'].map(
    (name) => `dayjs.extend(${commonJs(`dayjs/plugin/${name}.js`)});`,
  );
  return `const dayjs = ${commonJs('dayjs/dayjs.min.js')};\n${plugins.join('\n')}\nexport default dayjs;`;
}

const sjclExpression = once(() => commonJs('sjcl'));

/** An isolate has no source of randomness for keys and salts, so each instance gets its own. */
function sjclSource(): string {
  const entropy = randomBytes(128).toString('hex');
  return `const sjcl = ${sjclExpression()};
sjcl.random.addEntropy(sjcl.codec.hex.toBits('${entropy}'), 1024, 'host');
export default sjcl;`;
}

const crud = ['find', 'get', 'create', 'update', 'delete'];

/** Functions by object. Reference: runtime §16.2. */
const integratorApi: Readonly<Record<string, readonly string[]>> = {
  exports: [...crud, 'run', 'runVirtual', 'runVirtualWithPaging'],
  imports: [...crud, 'run', 'runVirtual'],
  flows: [...crud, 'run'],
  connections: [...crud, 'run', 'runVirtual'],
  integrations: crud,
  accessTokens: crud,
  asyncHelpers: crud,
  fileDefinitions: crud,
  lookupCaches: [...crud, 'run', 'runVirtual'],
  state: ['get', 'put', 'delete', 'find'],
};

/** What functions of flows may call; the host decides again. */
const hostFunctions = new Set<string>(hostFunctionNames);

/** Every function of the API exists, so that scripts load; those that functions of flows may not call say so by name. */
function integratorApiSource(): string {
  const prelude = `const call = globalThis.${hostCallName};
delete globalThis.${hostCallName};
const host = (name) => (...values) => call(name, values);
const refuse = (name, why) => () => {
  const error = new Error(name + why);
  error.code = 'not_supported';
  throw error;
};`;
  const objects = Object.entries(integratorApi).map(([object, functions]) => {
    const members = functions.map((name) => `${JSON.stringify(name)}: ${memberSource(object, name)}`);
    return `const ${object}_ = Object.freeze({ ${members.join(', ')} });`;
  });
  const names = Object.keys(integratorApi);
  return [
    prelude,
    ...objects,
    `const request_ = host('request');`,
    `export { ${[...names, 'request'].map((name) => `${name}_ as ${name}`).join(', ')} };`,
    `export default { ${[...names, 'request'].map((name) => `${name}: ${name}_`).join(', ')} };`,
  ].join('\n');
}

function memberSource(object: string, name: string): string {
  const full = `${object}.${name}`;
  if (hostFunctions.has(full)) return `host('${full}')`;
  // All others that run something run lookup caches.
  const why = crud.includes(name)
    ? ' is not available in functions of flows: they cannot find, read or change resources.'
    : ' is not supported: there are no lookup caches.';
  return `refuse('${full}', '${why}')`;
}

const sources: Readonly<Record<ModuleName, () => string>> = {
  'integrator-api': once(integratorApiSource),
  dayjs: once(dayjsSource),
  sjcl: sjclSource,
};

export function isModuleName(name: string): name is ModuleName {
  return Object.hasOwn(sources, name);
}

/** Compiles a module for one context; what it holds is that context's own. */
export function compileBundled(isolate: ivm.Isolate, name: ModuleName): Promise<ivm.Module> {
  return isolate.compileModule(sources[name](), { filename: name });
}

function once(make: () => string): () => string {
  let made: string | undefined;
  return () => (made ??= make());
}
