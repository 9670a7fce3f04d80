import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build as bundle } from 'esbuild';
import { build } from 'vite';
import { afterAll, expect, it } from 'vitest';

// A site that has the package in its node_modules; what the package's files hold does not matter here.
const site = realpathSync(mkdtempSync(join(tmpdir(), 'headwater vite ü ')));
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

  const nested = 'about/index.html';
  mkdirSync(join(site, 'about'), { recursive: true });
  writeFileSync(join(site, nested), readFileSync(join(site, 'index.html'), 'utf8'));
  const announced = async (base: string, where: string, page = 'index.html', options?: { full?: boolean }) => {
    await build({
      ...{ root: site, base, logLevel: 'error', plugins: [headwater(options)] },
      build: { rollupOptions: { input: ['index.html', nested].map((file) => join(site, file)) } },
    });
    const html = readFileSync(join(site, 'dist', page), 'utf8');
    const links = [...html.matchAll(/<link rel="modulepreload" crossorigin href="(.+?)assets\/(.+?)"/g)];
    const ours = links.filter((link) => /^(engine|lite|full|plugins)-/.test(link[2]!));
    for (const [, from, file] of ours) {
      expect(from).toBe(where);
      expect(readdirSync(join(site, 'dist/assets'))).toContain(file);
    }
    return ours.map((link) => link[2]!.split('-')[0]).sort();
  };
  expect(await announced('/shop/', '/shop/')).toEqual(['engine', 'lite']);
  expect(await announced('/shop/', '/shop/', 'index.html', { full: true })).toEqual(['engine', 'full']);
  expect(await announced('./', './')).toEqual(['engine', 'lite']);
  expect(await announced('./', '../', nested)).toEqual(['engine', 'lite']);
});
