// A collector of its own for the tests: on a free port, in a folder that goes away.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Starts HEADWATER_BIN for development, or with a configuration in which DATA stands for its folder; `again` starts it on
 * the same port and folder once it was ended. `workspace` is that of a hub, `env` what its references name.
 */
export async function startCollector(binary, configuration, { workspace, env } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-page-'));
  let child;
  let url;
  let command = ['dev', '--data', folder];
  if (configuration) {
    const file = join(folder, 'headwater.toml');
    await writeFile(file, configuration.replace('DATA', join(folder, 'data')));
    command = ['serve', '--config', file];
  }

  if (workspace) command.push('--workspace', workspace);

  async function start(port) {
    child = spawn(binary, [...command, '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env, HEADWATER_LOG: 'error' } });
    url = await new Promise((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += chunk;
        const found = /listening on (http:\/\/\S+)/.exec(said);
        if (found) resolve(found[1]);
      });
      child.once('exit', (code) => reject(new Error(`the collector ended with ${code}: ${said}`)));
      child.once('error', reject);
    });
  }

  async function end() {
    if (child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  }

  await start(0);
  return {
    url,
    end,
    again: () => start(new URL(url).port),
    async remove() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
