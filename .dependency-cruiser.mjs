/** The house's rules, as sentences. Arrows point one way: apps → libs, adapters → ports (docs/architecture.md). */
const adapters =
  '^libs/(bus/src/(nats|embedded|nest)|stream/src/(kafka|embedded|nest)|blobs/src/(folder|jetstream)|store/src/(postgres|embedded-postgres))';

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two modules that need each other are one idea without a name.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'libs-know-no-apps',
      comment: 'Libraries serve any app; an app is wiring.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|tests|bench)/' },
    },
    {
      name: 'apps-do-not-share-code',
      comment: 'What two services need lives in a library; only standalone and its tests put services together.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'ports-know-no-adapters',
      comment: 'A port says what the platform needs; its adapters import it, never the other way round.',
      severity: 'error',
      from: { path: '^libs/(bus|stream|blobs|store)/src/[^/]+\\.ts$', pathNot: 'embedded-postgres' },
      to: { path: adapters },
    },
    {
      name: 'services-know-only-ports',
      comment: 'Adapters are chosen in one place per process: its wiring.',
      severity: 'error',
      from: {
        path: '^apps/(gateway|scheduler|executor|errors)/src/',
        pathNot: '(main|wiring)\\.ts$|\\.spec\\.ts$|/testing/',
      },
      to: { path: adapters, pathNot: '/nest/' },
    },
    {
      name: 'engine-and-model-without-io',
      comment: 'The data plane is pure: no clock, no client, no Nest, no Node API that reaches outside.',
      severity: 'error',
      from: { path: '^libs/(engine|model)/src/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(node:)?(fs|net|http|https|http2|dns|tls|dgram|child_process|worker_threads|cluster|process)($|/)|node_modules/(undici|pg|@nestjs|@nats-io|kafkajs|@mikro-orm|pino|@opentelemetry)',
      },
    },
    {
      name: 'engine-knows-only-vocabulary',
      comment: 'The engine may use the model and failures, nothing else of the house.',
      severity: 'error',
      from: { path: '^libs/engine/src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/', pathNot: '^libs/(engine|model|failures)/' },
    },
    {
      name: 'isolates-live-in-their-process',
      comment: 'V8 ends a whole process for what a script can do: only the process that is made for it loads isolates.',
      severity: 'error',
      from: { path: '^(apps|libs|tests|bench|tools)/', pathNot: '^libs/sandbox/src/process/' },
      to: { path: 'node_modules/isolated-vm|^libs/sandbox/src/process/' },
    },
    {
      name: 'script-process-holds-nothing',
      comment: 'What a script that breaks out could reach: its own code, and no library of the house (P7).',
      severity: 'error',
      from: { path: '^libs/sandbox/src/process/' },
      to: { path: '^(apps|libs)/', pathNot: '^libs/sandbox/src/(process/|(frames|limits|protocol|lru)\\.ts$)' },
    },
    {
      name: 'testing-stays-in-tests',
      comment: 'Fakes and contract suites never ship.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '\\.spec\\.ts$|^libs/testing/|/testing/' },
      to: { path: '^libs/testing/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
