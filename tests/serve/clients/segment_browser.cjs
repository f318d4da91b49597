// @segment/analytics-next in a page, by jsdom: segment_browser.cjs BASE_URL KEY
const { JSDOM } = require('jsdom')

const [base, writeKey] = process.argv.slice(2)
const apiHost = new URL(base).host
const dom = new JSDOM('<!doctype html><html><head><title>Shop</title></head><body></body></html>',
  { url: 'https://shop.example.test/shop?utm_source=news', pretendToBeVisual: true })
for (const name of ['window', 'document', 'navigator', 'location', 'localStorage', 'sessionStorage', 'history',
  'HTMLElement', 'Event', 'CustomEvent', 'MutationObserver', 'XMLHttpRequest', 'screen']) {
  Object.defineProperty(globalThis, name, { value: name === 'window' ? dom.window : dom.window[name], configurable: true })
}
// The page's fetch tells what was answered well.
const delivered = new Set()
const fetched = globalThis.fetch
globalThis.fetch = async (url, options) => {
  const answer = await fetched(url, options)
  if (answer.ok && options && options.body) delivered.add(JSON.parse(options.body).messageId)
  return answer
}
dom.window.fetch = globalThis.fetch
Object.defineProperty(dom.window.navigator, 'onLine', { value: true })

const { AnalyticsBrowser } = require('@segment/analytics-next')

const settled = (ms) => new Promise((done) => setTimeout(done, ms))

async function main() {
  const settings = { integrations: { 'Segment.io': { apiKey: writeKey, apiHost: `${apiHost}/v1`, protocol: 'http' } } }
  const [analytics] = await AnalyticsBrowser.load({ writeKey, cdnSettings: settings }, {
    integrations: { 'Segment.io': { apiHost: `${apiHost}/v1`, protocol: 'http' } } })
  const wanted = []
  const sent = async (context) => wanted.push((await context).event.messageId)
  for (let number = 0; number < 10; ++number) await sent(analytics.track('Product Added', { sku: 'G-32', revenue: 2.5 }))
  await sent(analytics.page('home', { path: '/shop' }))
  await sent(analytics.identify('u1', { email: 'ann@example.test' }))
  await sent(analytics.group('g1', { name: 'Acme' }))
  await sent(analytics.alias('u1', 'u0'))
  await sent(analytics.screen('start'))
  for (let left = 900; left > 0 && !wanted.every((id) => delivered.has(id)); --left) await settled(100)
  const missing = wanted.filter((id) => !delivered.has(id))
  if (missing.length) console.error('not delivered', missing)
  process.exit(missing.length ? 1 : 0)
}

main().catch((error) => { console.error(error); process.exit(1) })
