// Stands where the collector stands for SDKs that do not speak the tracking API: takes everything, says 200.
import { createServer } from 'node:http';

/** `{ url, stop() }`; what arrived is read from the link before it. */
export async function startSink() {
  const server = createServer((incoming, answer) => {
    incoming.resume();
    incoming.on('end', () => {
      answer.writeHead(200, {
        'content-type': 'application/json',
        'access-control-allow-origin': incoming.headers.origin ?? '*',
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': incoming.headers['access-control-request-headers'] ?? '*',
        'access-control-allow-methods': 'GET, POST, OPTIONS',
      });
      answer.end('{}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
