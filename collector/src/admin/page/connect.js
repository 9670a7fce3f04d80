// How to send a first event: snippets with this page's own address, and a button that sends one.

import { $, copy, element, say } from './dom.js';

const { origin, host, protocol } = location;
const secure = protocol === 'https:';

// The mobile SDKs have https built in; for a collector without TLS the request is turned before it leaves.
const swiftPlain = `
    .requestFactory { request in
        var plain = request
        plain.url = request.url.flatMap { URL(string: "http" + $0.absoluteString.dropFirst(5)) }
        return plain
    }`;
const kotlinPlain = `
    requestFactory = object : RequestFactory() {
        override fun openConnection(url: String) = super.openConnection(url.replaceFirst("https://", "http://"))
    }`;

const LANGUAGES = [
  ['curl', (key) => `curl ${origin}/v1/track -u ${key}: \\
  -H 'content-type: application/json' -d '{
    "userId": "user-1",
    "event": "Order Completed",
    "properties": { "orderId": "A-1001", "revenue": 39.9, "currency": "EUR" }
  }'`, 'The answer comes after the event is on disk.'],
  ['Rust', (key) => `// cargo add headwater serde_json
use headwater::Client;
use serde_json::json;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder("${key}").endpoint("${origin}").build()?;
    client
        .track("Order Completed", json!({ "orderId": "A-1001", "revenue": 39.9 }))
        .user_id("user-1")
        .send()?;
    client.shutdown_blocking(Duration::from_secs(5));
    Ok(())
}`, 'The event is on disk when the call returns; from there it is delivered, over restarts if need be.'],
  ['Node.js', (key) => `// npm install @segment/analytics-node
import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ writeKey: '${key}', host: '${origin}' })
analytics.track({
  userId: 'user-1',
  event: 'Order Completed',
  properties: { orderId: 'A-1001', revenue: 39.9, currency: 'EUR' },
})
await analytics.closeAndFlush()`, 'Segment’s SDK, unchanged.'],
  ['Browser', (key) => `// npm install @segment/analytics-next
import { AnalyticsBrowser } from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load(
  { writeKey: '${key}', cdnURL: '${origin}' },
  { integrations: { 'Segment.io': { apiHost: '${host}/v1', protocol: '${secure ? 'https' : 'http'}' } } },
)
analytics.page()
analytics.track('Order Completed', { orderId: 'A-1001', revenue: 39.9, currency: 'EUR' })`, 'The collector also serves the settings document the SDK asks for. A page on https can reach a plain http collector only on localhost.'],
  ['Swift', (key) => `import Segment

let configuration = Configuration(writeKey: "${key}")
    .apiHost("${host}/v1")
    .cdnHost("${host}/v1")
    .defaultSettings(Settings(writeKey: "${key}", apiHost: "${host}/v1"))
    .flushAt(1)${secure ? '' : swiftPlain}
let analytics = Analytics(configuration: configuration)
analytics.track(name: "Order Completed", properties: ["orderId": "A-1001", "revenue": 39.9])`, secure ? 'Segment’s SDK, unchanged.' : 'Plain http needs an App Transport Security exception (NSAllowsLocalNetworking) in a development build; a device needs this machine’s address instead of localhost.'],
  ['Kotlin', (key) => `import com.segment.analytics.kotlin.android.Analytics
import com.segment.analytics.kotlin.core.RequestFactory
import com.segment.analytics.kotlin.core.Settings

val analytics = Analytics("${key}", applicationContext) {
    apiHost = "${host}/v1"
    cdnHost = "${host}/v1"
    // Until a settings document has come these count; without them it is Segment's API.
    defaultSettings = Settings(integrations = buildJsonObject {
        put("Segment.io", buildJsonObject { put("apiKey", "${key}"); put("apiHost", "${host}/v1") })
    })
    flushAt = 1${secure ? '' : kotlinPlain}
}
analytics.track("Order Completed", buildJsonObject { put("orderId", "A-1001"); put("revenue", 39.9) })`, secure ? 'Segment’s SDK, unchanged.' : 'From the Android emulator this machine is 10.0.2.2 instead of localhost; plain http needs usesCleartextTraffic in a debug build.'],
  ['Python', (key) => `# pip install segment-analytics-python
import segment.analytics as analytics

analytics.write_key = '${key}'
analytics.host = '${origin}'
analytics.track('user-1', 'Order Completed', {'orderId': 'A-1001', 'revenue': 39.9, 'currency': 'EUR'})
analytics.shutdown()`, 'Segment’s SDK, unchanged.'],
];

const ITEM = { product_id: 'tea-042', name: 'Darjeeling First Flush', price: 12.9, quantity: 2, category: 'Tea' };
const SAMPLES = [
  ['track', { event: 'Product Viewed', properties: ITEM }],
  ['track', { event: 'Product Added', properties: { ...ITEM, cart_id: 'cart-7' } }],
  ['identify', { traits: { name: 'Ada Example', email: 'ada@example.com', plan: 'trial' } }],
  ['page', { name: 'Checkout', properties: { path: '/checkout', title: 'Checkout', referrer: '/cart' } }],
  ['track', { event: 'Order Completed', properties: { order_id: 'A-1001', revenue: 25.8, currency: 'EUR', products: [ITEM] } }],
];

export function createConnect() {
  const key = $('writeKey');
  const tabs = $('languages');
  let chosen = Math.max(0, LANGUAGES.findIndex(([name]) => name === localStorage.getItem('headwater.language')));
  key.value = localStorage.getItem('headwater.writeKey') || 'dev';
  const writeKey = () => key.value.replace(/[^\w.:-]/g, '') || 'dev';

  function show() {
    const [name, snippet, note] = LANGUAGES[chosen];
    say($('code'), snippet(writeKey()));
    say($('note'), note);
    [...tabs.children].forEach((tab, i) => {
      tab.setAttribute('aria-selected', String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
    });
    $('snippet').setAttribute('aria-label', name);
  }

  function choose(i) {
    chosen = (i + LANGUAGES.length) % LANGUAGES.length;
    localStorage.setItem('headwater.language', LANGUAGES[chosen][0]);
    show();
  }

  LANGUAGES.forEach(([name], i) => {
    tabs.append(element('button', { type: 'button', role: 'tab', 'aria-controls': 'snippet', onclick: () => choose(i) }, name));
  });
  tabs.addEventListener('keydown', (press) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[press.key];
    if (!step) return;
    choose(chosen + step);
    tabs.children[chosen].focus();
  });
  key.addEventListener('input', () => {
    localStorage.setItem('headwater.writeKey', writeKey());
    show();
  });
  $('copyCode').addEventListener('click', () => copy($('copyCode'), $('code').textContent));

  let sent = 0;
  const button = $('test');
  const label = button.textContent;
  async function test() {
    const [type, fields] = SAMPLES[sent++ % SAMPLES.length];
    const started = performance.now();
    let outcome;
    try {
      const response = await fetch(`/v1/${type}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`${writeKey()}:`)}` },
        body: JSON.stringify({
          ...fields,
          userId: 'debugger-user',
          anonymousId: 'debugger-browser',
          messageId: `debugger-${Date.now()}-${Math.random().toString(36).slice(2)}`,
          timestamp: new Date().toISOString(),
          context: { library: { name: 'headwater-debugger', version: '1' }, locale: navigator.language },
        }),
      });
      outcome = response.ok ? `On disk in ${Math.round(performance.now() - started)} ms` : `Refused: HTTP ${response.status}`;
    } catch {
      outcome = 'Not reached';
    }
    button.textContent = outcome;
    say($('said'), outcome);
    clearTimeout(button.timer);
    button.timer = setTimeout(() => (button.textContent = label), 1800);
  }
  button.addEventListener('click', test);
  show();
}
