// A proxy in front of the collector that meets the first requests with a fault each, and lets the others through.
import { createServer, request } from 'node:http'

/** What a collector answers that cannot take events now. */
export const refusal = (status, seconds) => (_incoming, _body, answer) => {
  answer.writeHead(status, { 'content-type': 'application/json', 'retry-after': String(seconds) })
  const told = { code: 'busy', message: 'send again after the time in Retry-After' }
  answer.end(JSON.stringify({ success: false, error: told, ...told }))
}

/** The collector stores the events, and the answer is lost. */
export const lostAnswer = async (incoming, body, answer, collector) => {
  await forward(collector, incoming, body)
  answer.socket.destroy()
}

/** The connection ends before anything was forwarded. */
export const cut = (_incoming, _body, answer) => answer.socket.destroy()

/** Starts it: `{ url, requests, stop() }`. */
export async function startLink(collector, faults) {
  const requests = []
  const server = createServer(async (incoming, answer) => {
    const body = await whole(incoming)
    requests.push({ at: Date.now(), headers: incoming.headers, body })
    const fault = faults[requests.length - 1]
    if (fault) return fault(incoming, body, answer, collector)
    const got = await forward(collector, incoming, body)
    answer.writeHead(got.status, got.headers)
    answer.end(got.body)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}

async function whole(stream) {
  const parts = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

function forward(collector, incoming, body) {
  return new Promise((resolve, reject) => {
    const { method, headers } = incoming
    const onward = request(new URL(incoming.url, collector), { method, headers, agent: false }, async (got) => {
      resolve({ status: got.statusCode, headers: got.headers, body: await whole(got) })
    })
    onward.on('error', reject)
    onward.end(body)
  })
}
