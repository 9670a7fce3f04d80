// The customer's site: pages with an SDK on them, the built files, and the settings document in good days and bad.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
};

/** What a careful site allows: its own scripts, no inline code, no eval, no WebAssembly, and the collector. */
export const strictPolicy = (collector) =>
  `default-src 'none'; script-src 'self'; connect-src 'self' ${collector}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'`;

/**
 * Starts it: `{ url, delay, stop() }`; every answer waits for `delay` milliseconds. `folders` maps a path's first part to
 * a folder of files; `preload` an SDK's name to the scripts that a build announces in its pages. Beside them:
 * `/page?sdk=NAME` a page with that SDK (`csp=strict`, `to=` the collector as seen from the page; `built`: ours as a site's
 * build makes it, `bare`: and announces nothing; `script`: ours as the script build behind its snippet),
 * `/elsewhere` a page without any, `/settings/MODE/...` the collector's settings documents (`ok`, `blocked`, `failing`,
 * `hanging`).
 */
export async function startSite({ folders, collector, preload = {} }) {
  const site = { delay: 0 };
  const server = createServer((incoming, answer) => {
    serve(incoming, answer).catch((error) => {
      if (!answer.headersSent) answer.writeHead(error.code === 'ENOENT' ? 404 : 500);
      answer.end(String(error.message));
    });
  });

  async function serve(incoming, answer) {
    if (site.delay > 0) await new Promise((resolve) => setTimeout(resolve, site.delay));
    const url = new URL(incoming.url, 'http://site');
    const [, first, ...rest] = url.pathname.split('/');
    if (first === 'page') return page(url, answer);
    if (first === 'elsewhere') return html(answer, '<title>Elsewhere</title><p>A page without an SDK.');
    if (first === 'settings') return settings(rest[0], rest.slice(1).join('/') + url.search, answer);
    const folder = folders[first];
    if (!folder) return answer.writeHead(404).end();
    const path = normalize(rest.join('/'));
    if (path.startsWith('..')) return answer.writeHead(403).end();
    const body = await readFile(join(folder, path));
    answer.writeHead(200, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'cache-control': 'max-age=3600',
    });
    answer.end(body);
  }

  /** What a site without a bundler pastes into its head: `snippet.js` with its last lines' values. */
  async function pasted(asked) {
    const text = await readFile(join(folders.web, '../snippet.js'), 'utf8');
    const load = `analytics.load(${JSON.stringify(asked.get('run'))}, ${JSON.stringify({ apiHost: `${asked.get('to')}/v1` })})`;
    const own = text.replace('/headwater/standalone.js', '/web/standalone.js').replace(/analytics\.load\('.*?\)/, () => load);
    return `<script>${own}</script>`;
  }

  async function page(url, answer) {
    const asks = (name) => url.searchParams.has(name);
    if (asks('script')) url.searchParams.set('sdk', 'script');
    const sdk = url.searchParams.get('sdk');
    if (!/^[a-z]+$/.test(sdk ?? '')) return answer.writeHead(400).end();
    const built = asks('built') || (folders.peers && !['headwater', 'script', 'fetch'].includes(sdk));
    const script = built ? `/peers/${sdk}.js` : `/pages/${sdk}.js`;
    const policy = url.searchParams.get('csp') === 'strict' ? strictPolicy(url.searchParams.get('to')) : undefined;
    const early = built && !asks('bare') ? preload[sdk] : sdk === 'headwater' && !built ? ['/web/index.js'] : [];
    const hints = [script, '/pages/page.js', ...(early ?? [])].map((each) => `<link rel="modulepreload" href="${each}">`);
    html(
      answer,
      `<title>${sdk}</title>${sdk === 'script' ? await pasted(url.searchParams) : ''}${hints.join('')}<body><main>A page with ${sdk}.</main>` +
        `<script type="module" src="${script}"></script><script type="module" src="/pages/page.js"></script>`,
      policy,
    );
  }

  function html(answer, body, policy) {
    const headers = { 'content-type': types['.html'] };
    if (policy) headers['content-security-policy'] = policy;
    answer.writeHead(200, headers);
    answer.end(`<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">${body}`);
  }

  async function settings(mode, path, answer) {
    if (mode === 'hanging') return;
    if (mode === 'blocked') return answer.socket.destroy();
    const headers = { 'access-control-allow-origin': '*', 'content-type': 'application/json' };
    if (mode === 'failing') return answer.writeHead(500, headers).end('{}');
    const got = await fetch(`${collector}/${path}`, { headers: { authorization: `Basic ${btoa('browser-test:')}` } });
    answer.writeHead(got.status, headers).end(await got.text());
  }

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(site, {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  });
}
