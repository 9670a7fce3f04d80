// Keeps one Chromium for all runs of `cli.mjs`, and plays each in a page of its own. A page lies on the origin of the mock
// it talks to, as behind a proxy of the site's own: its document is answered before it reaches the network. Its scripts
// come from here.
//
//   node server.mjs FILE     writes its address into FILE; ends when nobody asked for a while
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../harness/browser.mjs';

/** Idle so long, it ends, milliseconds. */
const IDLE = 20_000;
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const folders = { dist: join(root, 'sdk-web/dist'), e2e: join(root, 'sdk-web/e2e'), page: here };
const types = { '.js': 'text/javascript', '.mjs': 'text/javascript' };
const document = '<!doctype html><link rel="icon" href="data:,"><title>Conformance</title>';
/** Windows that are opened before they are needed. */
const READY = 3;

const [file] = process.argv.slice(2);
const browser = await launch();
/** The end of each folder's last run: the next one begins when that page is no more. */
const ends = new Map();
/** Private windows by the case's folder: the runs of a case share what the browser stored. */
const windows = new Map();
let open = 0;
let idle;

/** A page, and what settles when it asks to die. */
async function pageIn(context) {
  const page = await context.newPage();
  let die;
  const died = new Promise((resolve) => (die = () => resolve()));
  await page.exposeFunction('die', die);
  const session = await context.newCDPSession(page);
  /** A page that is closed would send what it has; a process that ends does not. */
  const end = async () => {
    const gone = new Promise((resolve) => page.once('crash', resolve));
    session.send('Page.crash').catch(() => {});
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 10_000))]);
    await page.close().catch(() => {});
  };
  return { context, page, died, end };
}
// A document that came from no network may otherwise not ask the loopback for its scripts.
const fresh = async () => pageIn(await browser.newContext({ permissions: ['local-network-access'] }));
const ready = Array.from({ length: READY }, fresh);

async function pageFor(directory) {
  const held = windows.get(directory);
  if (held) return pageIn(held);
  ready.push(fresh());
  const window = await ready.shift();
  if (directory) windows.set(directory, window.context);
  return window;
}

/** Plays one input: its answer, or `undefined` when the page died. `gone` settles when nobody waits any more. */
async function play(input, gone, say) {
  const directory = input.headwater?.directory;
  const { context, page, died, end } = await pageFor(directory);
  page.on('console', (message) => say(message.text()));
  try {
    // The page lies on the hub's origin, or, where none is named, on that of the settings document.
    const host = input.apiHost ?? input.cdnHost ?? 'http://127.0.0.1';
    const { origin } = new URL(host.includes('://') ? host : `http://${host}`);
    const address = `${origin}/conformance`;
    await page.route(address, (route) => route.fulfill({ contentType: 'text/html', body: document }), { times: 1 });
    await page.goto(address);
    const played = page.evaluate(
      async ([script, text]) => {
        await import(script);
        return JSON.stringify(await globalThis.play(JSON.parse(text)));
      },
      [`${url}/page/page.js`, JSON.stringify(input)],
    );
    const answer = await Promise.race([played, died, gone]);
    return answer && JSON.parse(answer);
  } finally {
    await end();
    if (!directory) await context.close();
  }
}

async function script(path, outgoing) {
  const [, folder, ...rest] = path.split('/');
  const name = join(folders[folder] ?? here, ...rest);
  const body = await readFile(name).catch(() => undefined);
  const headers = { 'content-type': types[extname(name)] ?? 'text/plain', 'access-control-allow-origin': '*' };
  outgoing.writeHead(body ? 200 : 404, headers).end(body);
}

const server = createServer(async (incoming, outgoing) => {
  if (incoming.method === 'GET') return script(incoming.url, outgoing);
  clearTimeout(idle);
  open++;
  const gone = new Promise((resolve) => outgoing.once('close', resolve));
  let text = '';
  for await (const part of incoming) text += part;
  const logs = [];
  const input = JSON.parse(text);
  const directory = input.headwater?.directory ?? {};
  const before = ends.get(directory);
  const run = Promise.resolve(before).then(() => play(input, gone, (line) => logs.push(line)));
  const answer = run.catch((error) => ({ success: false, sentBatches: 0, error: `${error.message}` }));
  ends.set(directory, answer);
  outgoing.end(JSON.stringify({ answer: await answer, logs }));
  if (ends.get(directory) === answer) ends.delete(directory);
  if (--open === 0) idle = setTimeout(stop, IDLE);
});

async function stop() {
  // Another one may have been started since.
  if ((await readFile(file, 'utf8').catch(() => '')) === url) await rm(file);
  server.close();
  await browser.close();
}

await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}`;
await writeFile(`${file}.new`, url);
await rename(`${file}.new`, file);
idle = setTimeout(stop, IDLE);
