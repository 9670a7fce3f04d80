/** A plugin for Vite. Runs in the build, never in a page; needs nothing of Vite but its word. */

/** What is needed of a chunk of Rollup's. */
interface Chunk {
  type: string;
  fileName: string;
  facadeModuleId?: string | null;
}

/** What Vite writes into a page. */
export interface Hint {
  tag: 'link';
  attrs: { rel: 'modulepreload'; crossorigin: boolean; href: string };
  injectTo: 'head';
}

/** The shape of a Vite plugin, as far as this one is one. */
export interface Announcing {
  name: string;
  apply: 'build';
  configResolved(config: { base: string }): void;
  transformIndexHtml: {
    order: 'post';
    handler(html: string, context: { path: string; bundle?: Record<string, unknown> }): Hint[];
  };
}

/** `@headwater/analytics` lies where this file does. (Windows has a letter before the path, and the address a slash.) */
const own = (name: string): string =>
  decodeURIComponent(new URL(`./${name}.js`, import.meta.url).pathname).replace(/^\/(?=[a-z]:)/i, '');
const plain = (path: string | null | undefined): string => (path ?? '').replaceAll('\\', '/');

/** From a page to the folder of the site, where addresses are relative. */
const up = (path: string): string => '../'.repeat(path.split('/').length - 2) || './';

/**
 * Announces the engine in the head of each page that is built, so that browsers fetch it together with the page's own
 * scripts, and not after them. `full`: the page has consent, sessions, a settings document or plugins.
 */
export const headwater = ({ full = false } = {}): Announcing => {
  const wanted = [own('engine'), own(full ? 'full' : 'lite')];
  let base = '/';
  return {
    name: 'headwater',
    apply: 'build',
    configResolved(config) {
      base = config.base;
    },
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { path, bundle = {} }) =>
        (Object.values(bundle) as Chunk[])
          .filter(({ type, facadeModuleId }) => type === 'chunk' && wanted.includes(plain(facadeModuleId)))
          .map(({ fileName }) => ({
            tag: 'link',
            attrs: {
              rel: 'modulepreload',
              crossorigin: true,
              href: (base.replace(/^(\.\/)?$/, '') || up(path)) + fileName,
            },
            injectTo: 'head',
          })),
    },
  };
};
