// Bundles each peer with its adapter, as a site's build does, and ours (WEB_DIST, or sdk-web/dist): node build.mjs OUTDIR
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const outdir = process.argv[2] ?? join(here, 'node_modules', '.bundles');
const names = ['segment', 'rudder', 'snowplow', 'posthog', 'jitsu'];
const common = {
  absWorkingDir: here,
  outdir,
  bundle: true,
  minify: true,
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2020',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'error',
  metafile: true,
};
const result = await build({ ...common, entryPoints: names.map((name) => `${name}.js`) });

const web = process.env.WEB_DIST ?? join(here, '../../../sdk-web/dist');
const ours = await build({
  ...common,
  entryPoints: ['../pages/headwater.js'],
  target: 'es2022',
  charset: 'utf8',
  chunkNames: 'headwater-[name]-[hash]',
  plugins: [{ name: 'dist', setup: (built) => built.onResolve({ filter: /^\/web\// }, ({ path }) => ({ path: join(web, path.slice(5)) })) }],
});

// What each one imports at once, for the page to fetch in the same round trip, as Vite's builds do.
const { outputs } = result.metafile;
const closure = (file, found = new Set()) => {
  for (const { path, kind } of outputs[file].imports) {
    if (kind !== 'import-statement' || found.has(path)) continue;
    found.add(path);
    closure(path, found);
  }
  return [...found];
};
const entry = (name) => Object.keys(outputs).find((file) => basename(file) === `${name}.js`);
const preload = Object.fromEntries(names.map((name) => [name, closure(entry(name)).map((file) => `/peers/${basename(file)}`)]));
// Ours announces what it loads beside, as its plugin for Vite does.
preload.headwater = Object.entries(ours.metafile.outputs)
  .filter(([, { entryPoint = '' }]) => /dist\/(engine|lite)\.js$/.test(entryPoint))
  .map(([file]) => `/peers/${basename(file)}`);
await writeFile(join(outdir, 'preload.json'), JSON.stringify(preload));

const { devDependencies } = JSON.parse(await readFile(join(here, 'package.json')));
console.log(`${Object.keys(result.metafile.outputs).length} files; ${JSON.stringify(devDependencies)}`);
