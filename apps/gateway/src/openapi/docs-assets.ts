import { readFile } from 'node:fs/promises';

/** Files of Swagger UI that the page needs; served from here, never from elsewhere. */
const files: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui-standalone-preset.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

export interface Asset {
  readonly type: string;
  readonly content: Buffer;
}

const loaded = new Map<string, Promise<Asset>>();

/** @returns null for anything but the listed files */
export function docsAsset(name: string): Promise<Asset> | null {
  const type = Object.hasOwn(files, name) ? files[name] : undefined;
  if (type === undefined) return null;
  let asset = loaded.get(name);
  if (!asset) {
    const url = new URL(import.meta.resolve(`@fastify/swagger-ui/static/${name}`));
    asset = readFile(url).then((content) => ({ type, content }));
    asset.catch(() => loaded.delete(name));
    loaded.set(name, asset);
  }
  return asset;
}

export const docsPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Millrace REST API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png" sizes="32x32">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/swagger-ui-standalone-preset.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

export const docsStart = `window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: 'StandaloneLayout',
  });
};
`;

/** Swagger UI styles elements in place; scripts and requests stay on this origin. */
export const docsPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
