// dist/: index.js (façade), engine.js, the engine's WebAssembly as text (lite.js or full.js) and what else is loaded when
// needed, core.js, standalone.js, headwater_bg.wasm for who compiles it elsewhere, types.
//
//   node build.mjs          builds
//   node build.mjs size     builds and weighs
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

process.chdir(import.meta.dirname);
/**
 * Bytes of brotli. `critical`: what stands between a page and its first call. `total` was 30,000; 1,500 more are for promises
 * that come before bytes: options about privacy that hold, where events go, plugins that fail.
 */
const BUDGETS = { critical: 4096, total: 31_500 };

/**
 * Properties that get short names: of objects that never leave a page's own code, so that no public type, option, JSON
 * text, storage key or part of the DOM has one of the same name.
 */
const INTERNAL = `
  capture keep chars wake facade loaded failed database keeper heirs journal tabs flushes mortal leaving leads noted
  settle around runtime needs mono remember recall giveAway adopt inherit forget cleared saved unstamped waiting
  releases mine learn started settled drain setIdentity cookies tell take lifecycle restart queryPairs failures
  emitter diagnose withPlugins setRules missed early sees tried fields told held lines counts failure look more found
  adds gone marks recalled eager diagnostic complete given effect recent unmark callback handle base over part begin
  item tab read after seq report list destinations end done send uuid documents inHalves chunk apart anew hubless who
`;

const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
  outdir: 'dist.new',
  define: { 'process.env.NODE_ENV': '"production"' },
};

/** They lie beside what imports them. */
const packed = {
  name: 'packed',
  setup: (built) =>
    built.onResolve({ filter: /\/engine\/(lite|full)\.js$|^\.\/(lite|full)\.js$/ }, ({ path }) => ({
      path: `./${basename(path)}`,
      external: true,
    })),
};

async function bundle() {
  rmSync('dist.new', { recursive: true, force: true });
  const mangleProps = new RegExp(`^(${INTERNAL.trim().split(/\s+/).join('|')})$`);
  const page = await build({
    ...common,
    mangleProps,
    mangleCache: {},
    entryPoints: {
      index: 'src/index.ts',
      engine: 'src/engine/index.ts',
      consent: 'src/api/consent-source.ts',
      onetrust: 'src/api/onetrust.ts',
    },
    splitting: true,
    chunkNames: '[name]-[hash]',
    metafile: true,
    plugins: [
      packed,
      {
        // The fallback's own glue is for those who drive it without this package.
        name: 'own-glue',
        setup: (built) =>
          built.onResolve({ filter: /\/glue\.js$/ }, () => ({
            path: join(import.meta.dirname, 'src/engine/spare.ts'),
          })),
      },
    ],
  });
  // In one file, but for the engine: a service worker may not import anything later.
  await build({ ...common, entryPoints: { core: 'src/core.ts' }, plugins: [packed] });
  // Apart, so that it takes nothing out of the engine's chunk.
  await build({ ...common, entryPoints: { arguments: 'src/api/arguments.ts', vite: 'src/vite.ts' } });
  await build({
    ...common,
    entryPoints: { standalone: 'src/standalone.ts' },
    // It speaks with the same engine.js.
    mangleProps,
    mangleCache: page.mangleCache,
    format: 'iife',
    external: ['./engine.js'],
    // A classic script has no import.meta; what it loads lies beside it.
    inject: ['src/place.ts'],
    define: { ...common.define, 'import.meta.url': 'place' },
    plugins: [
      packed,
      {
        name: 'engine-beside',
        setup: (built) =>
          built.onResolve({ filter: /engine\/index\.js$/ }, () => ({ path: './engine.js', external: true })),
      },
    ],
  });
  await shrink();
  await chunks();
  cpSync('wasm/headwater_bg.wasm', 'dist.new/headwater_bg.wasm');
  return page.metafile;
}

/** `src/engine/lite.ts` and `full.ts`, with the text as it is: a bundler would write its characters longer. */
async function chunks() {
  const contents = `import { compiled } from './src/engine/compiled.js'; export const module = compiled(packed);`;
  const { outputFiles } = await build({ ...common, stdin: { contents, resolveDir: '.' }, write: false });
  for (const name of ['lite.js', 'full.js']) {
    const text = readFileSync(join('wasm', name), 'utf8').replace('export const', 'const');
    writeFileSync(join('dist.new', name), text + outputFiles[0].text);
  }
}

/** esbuild bundles; terser names and folds better: 7 % less after brotli. wasm2js's output has been through binaryen. */
async function shrink() {
  for (const name of readdirSync('dist.new').filter((file) => file.endsWith('.js') && !file.includes('wasm2js'))) {
    const file = join('dist.new', name);
    const module = name !== 'standalone.js';
    // Functions first lie side by side, where brotli finds them alike; no getter of ours does anything but answer.
    const compress = { hoist_funs: true, pure_getters: true };
    const options = { module, ecma: 2022, compress, format: { comments: false } };
    const { code } = await minify(readFileSync(file, 'utf8'), options);
    writeFileSync(file, code);
  }
}

function types() {
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', 'dist.new/types'], {
    stdio: 'inherit',
  });
}

/** What a usual page loads: the façade, the engine, and what these import at once. */
function closure(metafile, entry) {
  const files = new Set();
  const add = (file) => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path, kind } of metafile.outputs[file]?.imports ?? []) if (kind === 'import-statement') add(path);
  };
  add(entry);
  return files;
}

function size(metafile) {
  const weigh = (file) => {
    const bytes = readFileSync(file.replace('.new', ''));
    return {
      file,
      raw: bytes.length,
      gzip: gzipSync(bytes, { level: 9 }).length,
      brotli: brotliCompressSync(bytes).length,
    };
  };
  const critical = closure(metafile, 'dist.new/index.js');
  const usual = new Set([...critical, ...closure(metafile, 'dist.new/engine.js'), 'dist.new/lite.js']);
  const entries = ['consent.js', 'onetrust.js'].map((name) => `dist.new/${name}`);
  const outputs = ['dist.new/full.js', ...Object.keys(metafile.outputs)];
  const lazy = outputs.filter((file) => !usual.has(file) && !entries.includes(file));
  const rest = readdirSync('dist').flatMap((name) => {
    const file = `dist.new/${name}`;
    return /\.(js|wasm)$/.test(name) && !usual.has(file) && !lazy.includes(file) ? file : [];
  });
  const row = ({ file, raw, gzip, brotli }, note) => {
    const columns = [raw, gzip, brotli].map((n) => `${n}`.padStart(9));
    console.log([file.replace('.new', '').padEnd(36), ...columns, `  ${note}`].join(''));
    sum.all += brotli;
  };
  console.log('file'.padEnd(36) + ['raw', 'gzip', 'brotli'].map((name) => name.padStart(9)).join(''));
  const sum = { critical: 0, total: 0, all: 0 };
  for (const file of usual) {
    const weight = weigh(file);
    row(weight, critical.has(file) ? 'before calls are captured' : 'beside');
    sum.total += weight.brotli;
    if (critical.has(file)) sum.critical += weight.brotli;
  }
  for (const file of lazy) row(weigh(file), 'only where it is used');
  for (const file of rest) row(weigh(file), 'another entry: without a page, without a bundler, or imported by name');
  console.log(`everything in dist: ${sum.all} bytes of brotli; a plain page loads ${sum.total}`);
  const raw = readFileSync('wasm/headwater_lite.wasm').length;
  console.log(`size: critical_brotli=${sum.critical} total_brotli=${sum.total} wasm_raw=${raw}`);
  for (const [name, budget] of Object.entries(BUDGETS)) {
    if (sum[name] > budget) {
      console.error(`${name}: ${sum[name]} bytes of brotli are over the budget of ${budget}`);
      process.exitCode = 1;
    }
  }
}

if (!existsSync('wasm/lite.js')) throw new Error('wasm/ is missing: run scripts/web.sh wasm first');
const metafile = await bundle();
if (process.argv[2] !== 'size') types();
else if (existsSync('dist/types')) renameSync('dist/types', 'dist.new/types');
rmSync('dist', { recursive: true, force: true });
renameSync('dist.new', 'dist');
if (process.argv[2] === 'size') size(metafile);
