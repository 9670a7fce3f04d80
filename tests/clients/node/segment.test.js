// @segment/analytics-node against the collector.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import { Analytics } from '@segment/analytics-node'

import { TYPES, assertStored, calls } from './calls.js'
import { startCollector } from './collector.js'
import { cut, lostAnswer, refusal, startLink } from './link.js'

const LIBRARY = '@segment/analytics-node'
let collector
let link
let since

beforeEach(async () => {
  since = Date.now() - 1
  collector = await startCollector()
})
afterEach(async () => {
  await link?.stop()
  link = undefined
  await collector.stop()
})

function send(analytics, made) {
  for (const { type, ...fields } of made) analytics[type](fields)
}

/** Makes the calls and waits until the SDK is through; the reasons of what it gave up on. */
async function deliver(made, settings) {
  const analytics = new Analytics({ writeKey: 'segment-node', host: collector.url, flushInterval: 100, ...settings })
  const given_up = []
  const seen = { requests: 0 }
  analytics.on('error', (error) => given_up.push(error))
  analytics.on('http_request', () => seen.requests++)
  send(analytics, made)
  await analytics.closeAndFlush({ timeout: 60_000 })
  return { given_up, requests: seen.requests }
}

test('every call of all six types is stored once, with its fields', async () => {
  const made = calls(60)
  const { given_up, requests } = await deliver(made, { flushAt: 7 })
  assert.deepEqual(given_up, [])
  assert.ok(requests > 5)
  assertStored(made, await collector.events(), { since, library: LIBRARY })
  assert.deepEqual(await collector.rejected(), [])
})

test('large batches of a busy server arrive whole', async () => {
  const made = calls(2_000)
  const { given_up, requests } = await deliver(made, { flushAt: 250 })
  assert.deepEqual(given_up, [])
  assert.ok(requests >= 8)
  assertStored(made, await collector.events(), { since, library: LIBRARY })
})

test('a batch that the SDK counts too small is taken whole', async () => {
  link = await startLink(collector.url, [])
  const made = calls(250)
  // Its 480 KB are 830 of ours: it counts escapes and few of the other characters.
  for (const one of made) one.context.pad = 'x'.repeat(3_300)
  const { given_up } = await deliver(made, { host: link.url, flushAt: 250 })
  assert.deepEqual(given_up, [])
  assert.ok(Math.max(...link.requests.map(({ body }) => body.length)) > 800_000, 'a batch over the documented limit was sent')
  assertStored(made, await collector.events(), { since, library: LIBRARY })
})

test('a single event of each type goes to the same place', async () => {
  const made = calls(TYPES.length)
  await deliver(made, { flushAt: 1 })
  assertStored(made, await collector.events(), { since, library: LIBRARY })
})

test('the same messageId from two clients is stored once', async () => {
  const [one] = calls(1)
  const twice = { ...one, messageId: 'same-for-both' }
  await deliver([twice], {})
  await deliver([twice], {})
  assertStored([twice], await collector.events(), { since, library: LIBRARY })
})

for (const [name, fault, least] of [
  ['503 with Retry-After', refusal(503, 1), 400],
  ['429 with Retry-After', refusal(429, 1), 950],
  ['a cut connection', cut, 0],
  ['an answer that was lost, though the events are stored', lostAnswer, 0],
]) {
  test(`${name} is tried again, and every event is stored once`, async () => {
    link = await startLink(collector.url, [fault])
    const made = calls(12)
    const { given_up } = await deliver(made, { host: link.url, flushAt: 12 })
    assert.deepEqual(given_up, [])
    assert.equal(link.requests.length, 2)
    assert.equal(link.requests[1].headers['x-retry-count'], '1')
    assert.ok(link.requests[1].at - link.requests[0].at >= least, 'it waits as it was told')
    assertStored(made, await collector.events(), { since, library: LIBRARY })
  })
}
