// Serves the shop on loopback: the pages, the built SDK under /sdk, and /t/ passed on to the collector, as a site's own
// proxy would. Nothing is fetched from anywhere else.
//
//   node examples/web/serve.mjs [--port 8766] [--collector http://127.0.0.1:8765]
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { port: { type: 'string', default: '8766' }, collector: { type: 'string', default: 'http://127.0.0.1:8765' } },
});
const sdk = process.env.WEB_DIST ?? join(here, '../../sdk-web/dist');
if (!existsSync(join(sdk, 'index.js'))) {
  console.error('The SDK is not built yet: make web');
  process.exit(1);
}
const types = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

const server = createServer(async (incoming, answer) => {
  const { pathname, search } = new URL(incoming.url, 'http://shop');
  if (pathname.startsWith('/t/')) return pass(incoming, answer, pathname.slice(2) + search);
  if (pathname === '/collector') {
    answer.writeHead(200, { 'content-type': 'application/json' });
    return answer.end(JSON.stringify({ url: values.collector }));
  }
  const [folder, path] = pathname.startsWith('/sdk/') ? [sdk, pathname.slice(5)] : [join(here, 'site'), pathname.slice(1) || 'index.html'];
  const file = normalize(join(folder, path));
  try {
    if (!file.startsWith(folder + sep)) throw new Error('outside');
    const body = await readFile(file);
    answer.writeHead(200, { 'content-type': `${types[extname(file)] ?? 'application/octet-stream'}; charset=utf-8`, 'cache-control': 'no-cache' });
    answer.end(body);
  } catch {
    answer.writeHead(404, { 'content-type': 'text/plain' }).end('not here');
  }
});

function pass(incoming, answer, path) {
  const { method, headers, socket } = incoming;
  const onward = request(new URL(path, values.collector), { method, headers: { ...headers, 'x-forwarded-for': socket.remoteAddress } }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    got.pipe(answer);
  });
  // The collector is down: the SDK tries again by itself.
  onward.on('error', () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  incoming.pipe(onward);
}

server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `port ${values.port} is taken: choose another with --port` : error.message);
  process.exit(1);
});
server.listen(Number(values.port), '127.0.0.1', () => console.log(`the shop is open on http://127.0.0.1:${server.address().port}/`));
