// Segment's own analytics-node behind the e2e contract (tests/conformance/README.md):
// `node cli.mjs --input '<json>'` or `--input @FILE`. One JSON document on stdout, logs on stderr.
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Analytics } from '@segment/analytics-node'

const text = process.argv[process.argv.indexOf('--input') + 1]
const input = JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text)
const { flushAt, flushInterval, maxRetries, timeout = 10 } = input.config ?? {}

const errors = []
let sentBatches = 0
let waiting = 0
const analytics = new Analytics({
  writeKey: input.writeKey,
  host: input.apiHost,
  flushAt,
  flushInterval,
  maxRetries,
  httpClient: async (url, request) => {
    const answer = await fetch(url, request)
    if (answer.status < 400) sentBatches += 1
    return answer
  },
})
analytics.on('error', ({ code, reason }) => console.error(code, reason))

for (const { delayMs = 0, events = [] } of input.sequences ?? []) {
  await pause(delayMs)
  for (const { type, timestamp, ...event } of events) {
    try {
      waiting += 1
      analytics[type]({ ...event, ...(timestamp && { timestamp: new Date(timestamp) }) }, (error) => {
        waiting -= 1
        if (error) errors.push(String(error.message ?? error.reason ?? error))
      })
    } catch (error) {
      waiting -= 1
      errors.push(String(error.message ?? error))
    }
  }
}
await analytics.closeAndFlush({ timeout: timeout * 1000 })
await pause(0)
if (waiting > 0) errors.push(`${waiting} events still wait`)

const success = errors.length === 0
const answer = { success, sentBatches, ...(!success && { error: errors[0] }) }
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(success ? 0 : 1))
