// The real collector, on a free port with a folder of its own.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** Starts `headwater dev`: `{ url, events(), rejected(), stop() }`. */
export async function startCollector(binary = process.env.HEADWATER_BIN) {
  if (!binary) throw new Error('HEADWATER_BIN must name the collector; scripts/test-browser.sh sets it');
  const data = await mkdtemp(join(tmpdir(), 'headwater-browser-'));
  const child = spawn(binary, ['dev', '--port', '0', '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HEADWATER_LOG: 'warn' },
  });
  const said = [];
  child.stderr.on('data', (text) => said.push(text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const url = await Promise.race([
    new Promise((resolve) =>
      createInterface({ input: child.stdout }).on('line', (line) => {
        const found = /^listening on (http:\S+)/.exec(line);
        if (found) resolve(found[1]);
      }),
    ),
    ended.then((code) => {
      throw new Error(`the collector ended with ${code}: ${said.join('')}`);
    }),
  ]);
  return {
    url,
    /** All stored events in the order of the log, as `headwater export` writes them. */
    async events() {
      const { stdout } = await promisify(execFile)(binary, ['export', '--data', data], { maxBuffer: 1 << 28 });
      return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    },
    /** What it refused. */
    async rejected() {
      return (await (await fetch(`${url}/_inspect/bad`)).json()).items;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}
