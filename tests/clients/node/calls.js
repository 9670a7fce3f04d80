// Calls of all six types, and the check that each is stored once, as it was made.
import assert from 'node:assert/strict'

const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias']
const WORDS = ['Zelt & Söhne', '注文完了', 'ορδερ', 'מזרן', '👩🏽‍🚀 launch', 'a"b\\c\u0001\u2028d', 'x'.repeat(300)]
/** Our clocks and the collector's are the same one; this much may pass between a call and its arrival. */
const SLACK_MS = 60_000

/** `count` calls, each type in turn; call n says so in `context.call`. */
export function calls(count) {
  return Array.from({ length: count }, (_, n) => call(n))
}

function call(n) {
  const type = TYPES[n % TYPES.length]
  const word = WORDS[n % WORDS.length]
  const made = {
    type,
    context: { call: n, locale: 'sv-SE', app: { name: word, version: '1.0' }, page: { title: word } },
    integrations: n % 4 === 0 ? { All: false, 'Google Analytics': { clientId: `${n}` } } : { All: true },
  }
  // Both ids, one, the other: as in life. An alias has a userId and a previousId instead.
  if (n % 3 !== 0 || type === 'alias') made.userId = `user-${n % 17}-é`
  if (n % 3 !== 1 && type !== 'alias') made.anonymousId = `visitor-${n}`
  if (n % 2 === 0) made.timestamp = new Date(Date.UTC(2024, 1, 29, 23, 59, 59, 7) + n * 3_600_123)
  if (n % 5 === 0) made.messageId = `own-id-${n}`
  const object = {
    word,
    n,
    price: n / 100,
    big: 9007199254740991,
    small: -1e-7,
    yes: n % 2 === 0,
    nothing: null,
    empty: {},
    list: [1, 'två', [3], { four: 4 }],
    nested: { [`key ${word}`]: { deeper: word } },
  }
  switch (type) {
    case 'track':
      return { ...made, event: `Order Completed ${word}`, properties: object }
    case 'identify':
      return { ...made, traits: { name: word, email: `user${n}@example.com`, ...object } }
    case 'group':
      return { ...made, groupId: `org-${n}`, traits: object }
    case 'alias':
      return { ...made, previousId: `visitor-before-${n}` }
    default:
      return { ...made, name: word, category: 'Shop', properties: object }
  }
}

/** Each call is stored exactly once, with the fields it was made with. */
export function assertStored(made, events, { since, library }) {
  const byCall = new Map()
  for (const event of events) {
    const n = event.context.call
    assert.ok(!byCall.has(n), `call ${n} is stored twice, as ${event.messageId} and ${byCall.get(n)?.messageId}`)
    byCall.set(n, event)
  }
  const missing = made.filter((one) => !byCall.has(one.context.call)).map((one) => one.context.call)
  assert.deepEqual(missing, [], 'calls that were lost')
  assert.equal(byCall.size, made.length)
  assert.equal(new Set(events.map((event) => event.messageId)).size, events.length, 'a messageId for each event')
  for (const one of made) assertKept(one, byCall.get(one.context.call), since, library)
}

function assertKept(made, event, since, library) {
  const what = `call ${made.context.call} (${made.type})`
  for (const name of ['type', 'event', 'name', 'category', 'userId', 'anonymousId', 'groupId', 'previousId']) {
    if (made[name] !== undefined) assert.equal(event[name], made[name], `${what}: ${name}`)
  }
  if (made.messageId) assert.equal(event.messageId, made.messageId, `${what}: messageId`)
  assertWithin(event.properties, made.properties, `${what}: properties`)
  if (made.traits) assertWithin(event.traits, made.traits, `${what}: traits`)
  assert.deepEqual(event.integrations, made.integrations, `${what}: integrations`)
  assertWithin(event.context, made.context, `${what}: context`)
  assert.equal(event.context.library.name, library, `${what}: library`)
  assertTimes(made, event, since, what)
}

/** originalTimestamp is the caller's; timestamp is it without the error of the clock, which here is none. */
function assertTimes(made, event, since, what) {
  const [original, sent, received, timestamp] = ['originalTimestamp', 'sentAt', 'receivedAt', 'timestamp'].map((name) => {
    assert.match(event[name], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, `${what}: ${name}`)
    return Date.parse(event[name])
  })
  if (made.timestamp) assert.equal(original, made.timestamp.getTime(), `${what}: originalTimestamp`)
  else assert.ok(original >= since && original <= received, `${what}: originalTimestamp is the time of the call`)
  assert.ok(sent >= since && sent <= received, `${what}: sentAt ${event.sentAt}, receivedAt ${event.receivedAt}`)
  assert.equal(timestamp, received - (sent - original), `${what}: timestamp`)
  assert.ok(Math.abs(timestamp - original) < SLACK_MS, `${what}: timestamp is near originalTimestamp`)
}

/** All that was given is there; the SDK may have added to it. */
function assertWithin(stored, given, what) {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0) {
      assertWithin(stored?.[name], value, `${what}.${name}`)
    } else {
      assert.deepEqual(stored?.[name], value, `${what}.${name}`)
    }
  }
}

export { TYPES }
