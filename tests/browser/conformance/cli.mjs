// `node cli.mjs --input '<json>'`: the web SDK as the conformance runner drives it, in Chromium. The contract:
// tests/conformance/README.md. `node cli.mjs --start` starts the browser that all runs share, and which ends by itself.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const file = join(here, '../node_modules/.conformance');
const address = () => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

const [flag, text = ''] = process.argv.slice(2);
if (flag === '--start') {
  rmSync(file, { force: true });
  spawn(process.execPath, [join(here, 'server.mjs'), file], { detached: true, stdio: 'ignore' }).unref();
  const end = Date.now() + 60_000;
  while (!address() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  if (!address()) throw new Error('Chromium did not start');
} else if (flag === '--input') {
  const { answer, logs } = await ask(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  for (const line of logs) console.error(line);
  // The page crashed, as it was asked to: so does this.
  if (!answer) process.kill(process.pid, 'SIGKILL');
  console.log(JSON.stringify(answer));
  process.exit(answer.success ? 0 : 1);
} else {
  console.log("node cli.mjs --start | --input '<json>' | --input @FILE");
  process.exit(2);
}

function ask(input) {
  return new Promise((resolve, reject) => {
    const asked = request(address() ?? 'http://127.0.0.1:9', { method: 'POST' }, async (incoming) => {
      let body = '';
      for await (const part of incoming) body += part;
      resolve(JSON.parse(body));
    });
    asked.on('error', reject);
    asked.end(input);
  });
}
