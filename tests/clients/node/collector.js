// The real collector, on a free port with a folder of its own.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const binary = process.env.HEADWATER_BIN
if (!binary) throw new Error('HEADWATER_BIN must name the collector; scripts/test-clients.sh sets it')

/** Starts a collector: `{ url, events(), stop() }`. */
export async function startCollector() {
  const data = await mkdtemp(join(tmpdir(), 'headwater-clients-'))
  const child = spawn(binary, ['dev', '--port', '0', '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HEADWATER_LOG: 'warn' },
  })
  const said = []
  child.stderr.on('data', (text) => said.push(text))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const lines = createInterface({ input: child.stdout })
  const url = await Promise.race([
    new Promise((resolve) =>
      lines.on('line', (line) => {
        const found = /^listening on (http:\S+)/.exec(line)
        if (found) resolve(found[1])
      }),
    ),
    ended.then((code) => {
      throw new Error(`the collector ended with ${code}: ${said.join('')}`)
    }),
  ])
  return {
    url,
    /** All stored events, as `headwater export` writes them. */
    async events() {
      const { stdout } = await promisify(execFile)(binary, ['export', '--data', data], { maxBuffer: 1 << 28 })
      return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line))
    },
    /** What it refused. */
    async rejected() {
      const { items } = await (await fetch(`${url}/_inspect/bad`)).json()
      return items
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(data, { recursive: true, force: true })
    },
  }
}
