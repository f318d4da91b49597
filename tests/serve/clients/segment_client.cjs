// @segment/analytics-node: segment_client.cjs HOST KEY
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 7, maxRetries: 10 })
const failed = []
analytics.on('error', (error) => failed.push(error))
for (let number = 0; number < 20; ++number) {
  analytics.track({ userId: `u${number % 4}`, event: 'Order Completed', messageId: `node-${number}`,
    timestamp: new Date(Date.UTC(2026, 2, 29, 4, 30, number)),
    properties: { revenue: 2.5, products: [{ product_id: 'p1' }], note: null } })
}
analytics.track({ anonymousId: 'anon-1', event: 'Product Viewed', properties: { sku: 'G-32' } })
analytics.identify({ userId: 'u1', traits: { email: 'ann@example.test' } })
analytics.page({ userId: 'u1', name: 'home', properties: { path: '/shop' } })
analytics.screen({ userId: 'u1', name: 'start' })
analytics.group({ userId: 'u1', groupId: 'g1' })
analytics.alias({ userId: 'u1', previousId: 'u0' })
analytics.closeAndFlush({ timeout: 60000 }).then(() => {
  if (failed.length) { console.error(failed); process.exit(1) }
})
