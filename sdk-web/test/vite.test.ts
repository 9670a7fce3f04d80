import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build as bundle } from 'esbuild';
import { build } from 'vite';
import { afterAll, expect, it } from 'vitest';

// A site that has the package in its node_modules; what the package's files hold does not matter here.
const site = realpathSync(mkdtempSync(join(tmpdir(), 'headwater-vite-')));
const dist = join(site, 'node_modules/@headwater/analytics/dist');
afterAll(() => rmSync(site, { recursive: true }));

it('announces the chunks that a page loads beside its scripts, by the names that the build gave them', async () => {
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(dist, '../package.json'), '{"type":"module","exports":{".":"./dist/index.js"}}');
  const chunks = ['engine', 'lite', 'full', 'plugins'];
  writeFileSync(
    join(dist, 'index.js'),
    `export const load = () => [${chunks.map((name) => `import('./${name}.js')`)}];`,
  );
  for (const name of chunks) writeFileSync(join(dist, `${name}.js`), `export const name = '${name}';`);
  await bundle({
    entryPoints: [new URL('../src/vite.ts', import.meta.url).pathname],
    format: 'esm',
    outfile: join(dist, 'vite.js'),
  });
  const { headwater } = (await import(
    /* @vite-ignore */ pathToFileURL(join(dist, 'vite.js')).href
  )) as typeof import('../src/vite.js');
  writeFileSync(
    join(site, 'index.html'),
    '<!doctype html><title>Shop</title><script type="module" src="/main.js"></script>',
  );
  writeFileSync(join(site, 'main.js'), `import { load } from '@headwater/analytics'; load();`);

  const announced = async (options?: { full?: boolean }) => {
    await build({ root: site, base: '/shop/', logLevel: 'error', plugins: [headwater(options)] });
    const page = readFileSync(join(site, 'dist/index.html'), 'utf8');
    const links = [...page.matchAll(/<link rel="modulepreload" crossorigin href="\/shop\/assets\/(.+?)"/g)];
    const files = links.map((link) => link[1]!);
    expect(readdirSync(join(site, 'dist/assets'))).toEqual(expect.arrayContaining(files));
    return files.map((file) => file.split('-')[0]).sort();
  };
  expect(await announced()).toEqual(['engine', 'lite']);
  expect(await announced({ full: true })).toEqual(['engine', 'full']);
});
