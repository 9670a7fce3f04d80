// @rudderstack/rudder-sdk-node against the collector.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import RudderAnalytics from '@rudderstack/rudder-sdk-node'

import { assertStored, calls } from './calls.js'
import { startCollector } from './collector.js'
import { cut, lostAnswer, refusal, startLink } from './link.js'

const LIBRARY = 'analytics-node'
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

/** Makes the calls and flushes until each was answered for. */
async function deliver(made, settings = {}) {
  const failed = []
  const analytics = new RudderAnalytics('rudder-node', {
    dataPlaneUrl: collector.url,
    flushInterval: 50,
    logLevel: 'silly',
    errorHandler: (error) => failed.push(error),
    ...settings,
  })
  const answered = made.map(
    ({ type, ...fields }) => new Promise((resolve) => analytics[type](fields, (error) => resolve(error))),
  )
  const pending = setInterval(() => analytics.flush().catch(() => {}), 20)
  const errors = (await Promise.all(answered)).filter(Boolean)
  clearInterval(pending)
  clearTimeout(analytics.flushTimer)
  assert.deepEqual([...errors, ...failed], [])
}

for (const gzip of [true, false]) {
  test(`every call of all six types is stored once, with its fields, ${gzip ? 'compressed' : 'plain'}`, async () => {
    const made = calls(60)
    link = await startLink(collector.url, [])
    await deliver(made, { dataPlaneUrl: link.url, flushAt: 7, gzip })
    assert.ok(link.requests.length > 5)
    assert.ok(link.requests.every((request) => (request.headers['content-encoding'] === 'gzip') === gzip))
    assertStored(made, await collector.events(), { since, library: LIBRARY })
    assert.deepEqual(await collector.rejected(), [])
  })
}

test('large batches of a busy server arrive whole', async () => {
  // Not more: the SDK measures its whole queue at each call.
  const made = calls(400)
  await deliver(made, { flushAt: 100 })
  assertStored(made, await collector.events(), { since, library: LIBRARY })
})

for (const [name, fault, least] of [
  ['503 with Retry-After', refusal(503, 1), 950],
  ['429 with Retry-After', refusal(429, 1), 950],
  ['a cut connection', cut, 0],
  ['an answer that was lost, though the events are stored', lostAnswer, 0],
]) {
  test(`${name} is tried again, and every event is stored once`, async () => {
    // The first call goes alone, the others together.
    link = await startLink(collector.url, [undefined, fault])
    const made = calls(12)
    await deliver(made, { dataPlaneUrl: link.url, flushAt: 12 })
    assert.equal(link.requests.length, 3)
    assert.ok(link.requests[2].at - link.requests[1].at >= least, 'it waits as it was told')
    assertStored(made, await collector.events(), { since, library: LIBRARY })
  })
}
