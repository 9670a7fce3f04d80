// Debian's Firefox over WebDriver BiDi, in the few words of playwright-core that the scenarios use. playwright-core 1.65
// itself asks for a command (emulation.setMediaFeaturesOverride) that Firefox ESR 153 does not know.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const executable = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Nothing of its own goes to the network.
const preferences = {
  'app.update.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.server': 'data:,',
};

/** Starts it: `{ version(), newContext(), close() }`. */
export async function launchFirefox() {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-firefox-'));
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  await writeFile(join(folder, 'user.js'), lines.join('\n'));
  const child = spawn(executable, ['--headless', '--no-remote', '--profile', folder, '--remote-debugging-port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const address = await Promise.race([
    new Promise((resolve) =>
      createInterface({ input: child.stderr }).on('line', (line) => {
        const found = /BiDi listening on (ws:\S+)/.exec(line);
        if (found) resolve(found[1]);
      }),
    ),
    ended.then((code) => {
      throw new Error(`Firefox ended with ${code}`);
    }),
  ]);
  const send = await connect(`${address}/session`);
  const { capabilities } = await send('session.new', { capabilities: {} });
  return {
    version: () => capabilities.browserVersion,
    newContext: () => newContext(send),
    async close() {
      await send('browser.close', {}).catch(() => {});
      await Promise.race([ended, pause(5_000).then(() => child.kill('SIGKILL'))]);
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

async function connect(address) {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`no connection to ${address}`));
  });
  const waiting = new Map();
  let last = 0;
  socket.onmessage = ({ data }) => {
    const { id, type, result, error, message } = JSON.parse(data);
    const [resolve, reject] = waiting.get(id) ?? [];
    waiting.delete(id);
    if (type === 'success') resolve?.(result);
    else if (type === 'error') reject?.(new Error(`${error}: ${message}`));
  };
  return (method, params) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, [resolve, reject]);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
}

async function newContext(send) {
  const { userContext } = await send('browser.createUserContext', {});
  return {
    async newPage() {
      const { context } = await send('browsingContext.create', { type: 'tab', userContext });
      return page(send, context);
    },
    addInitScript: (run) => send('script.addPreloadScript', { functionDeclaration: String(run), userContexts: [userContext] }),
    close: () => send('browser.removeUserContext', { userContext }),
  };
}

function page(send, context) {
  async function evaluate(run, given) {
    const { result, exceptionDetails } = await send('script.callFunction', {
      functionDeclaration: `async (given) => JSON.stringify(await (${run})(JSON.parse(given)))`,
      arguments: [{ type: 'string', value: JSON.stringify(given ?? null) }],
      target: { context },
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.type === 'string' ? JSON.parse(result.value) : undefined;
  }
  async function until(claim, what) {
    for (const end = Date.now() + 60_000; Date.now() < end; await pause(30)) {
      if (await claim().catch(() => false)) return;
    }
    throw new Error(`not within a minute: ${what}`);
  }
  return {
    evaluate,
    on() {},
    setDefaultTimeout() {},
    goto: (url) => send('browsingContext.navigate', { context, url, wait: 'none' }),
    waitForFunction: (run) => until(() => evaluate(run), run),
    waitForURL: (glob) => until(async () => (await evaluate(() => location.href)).endsWith(glob.replace('**', '')), glob),
    waitForEvent: async () => {},
    close: ({ runBeforeUnload = false } = {}) => send('browsingContext.close', { context, promptUnload: runBeforeUnload }),
  };
}
