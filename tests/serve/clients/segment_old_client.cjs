// analytics-node, which Segment no longer tends: segment_old_client.cjs HOST KEY
const Analytics = require('analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics(writeKey, { host, flushAt: 7, retryCount: 10 })

// What the client itself gives up on, the application sends again.
const sent = (kind, message) => new Promise((done) => {
  const send = () => analytics[kind](message, (error) => { error ? send() : done() })
  send()
})

const all = []
for (let number = 0; number < 20; ++number) {
  all.push(sent('track', { userId: `u${number % 4}`, event: 'Order Completed', messageId: `old-node-${number}`,
    timestamp: new Date(Date.UTC(2026, 2, 29, 4, 30, number)), properties: { revenue: 2.5 } }))
}
all.push(sent('identify', { userId: 'u1', messageId: 'old-node-i', traits: { email: 'ann@example.test' } }))
all.push(sent('page', { userId: 'u1', messageId: 'old-node-p', name: 'home' }))
Promise.all(all).then(() => process.exit(0))
