import { readFileSync } from 'node:fs';
import { transform } from 'esbuild';
import { minify } from 'terser';
import { expect, it } from 'vitest';

const texts = async (code: string): Promise<string[]> =>
  (await import(`data:text/javascript;charset=utf-8,${encodeURIComponent(code)}`)).packed;

for (const name of ['lite', 'full'])
  it(`${name}.js is the same after a customer's tools had it`, async () => {
    const source = readFileSync(new URL(`../../wasm/${name}.js`, import.meta.url), 'utf8');
    const packed = await texts(source);
    const escaped = await transform(source, { minify: true });
    expect(escaped.code).toMatch(/^[\0-\x7f]*$/);
    expect(await texts(escaped.code)).toEqual(packed);
    const { code } = await minify(source, { module: true });
    expect(await texts(code!)).toEqual(packed);
    const { code: ascii } = await minify(source, { module: true, format: { ascii_only: true } });
    expect(await texts(ascii!)).toEqual(packed);
  });
