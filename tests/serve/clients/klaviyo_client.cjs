// klaviyo-api for Node as an application uses it: klaviyo_client.cjs BASE_URL KEY
// What the client itself gives up on, the application sends again. Prints the names of the metrics.
const { ApiKeySession, EventsApi, MetricsApi } = require('klaviyo-api')

const tries = 5
const [base, key] = process.argv.slice(2)
const session = new ApiKeySession(key)
const events = new EventsApi(session)
const metrics = new MetricsApi(session)
events.basePath = base
metrics.basePath = base

async function untilTaken(call) {
  for (let left = tries; ; --left) {
    try {
      return await call()
    } catch (error) {
      console.error('again after', error.code || error.message)
      if (left === 1) throw error
    }
  }
}

const metric = (name) => ({ data: { type: 'metric', attributes: { name } } })
const profile = (email) => ({ data: { type: 'profile', attributes: { email, properties: { plan: 'gold' } } } })

async function main() {
  for (const [number, value] of [9.99, 10, 0.1].entries()) {
    await untilTaken(() => events.createEvent({ data: { type: 'event', attributes: {
      metric: metric('Placed Order'), profile: profile(`p${number % 2}@example.test`),
      properties: { Items: ['A', 'B'], nested: { a: 1 }, nul: null },
      time: new Date('2026-03-29T04:30:00.123Z'), value, valueCurrency: 'USD', uniqueId: `order-${number}` } } }))
  }
  for (const time of ['2026-03-29T04:30:00Z', '2026-03-29T04:30:00.5Z', '2026-03-29T04:30:01Z']) {
    await untilTaken(() => events.createEvent({ data: { type: 'event', attributes: {
      metric: metric('Viewed Product'), profile: profile('ann@example.test'), properties: {},
      time: new Date(time) } } }))
  }
  await untilTaken(() => events.bulkCreateEvents({ data: { type: 'event-bulk-create-job', attributes: {
    eventsBulkCreate: { data: ['ann@example.test', 'bob@example.test'].map((who) => ({
      type: 'event-bulk-create', attributes: { profile: profile(who), events: { data: [...Array(10).keys()].map((n) => ({
        type: 'event', attributes: { metric: metric('Ordered Product'), properties: { sku: String(n) },
          time: new Date('2026-03-29T04:30:00Z'), value: 1.5, uniqueId: `${who}-${n}` } })) } } })) } } } }))
  const answer = await untilTaken(() => metrics.getMetrics())
  console.log(JSON.stringify(answer.body.data.map((m) => m.attributes.name).sort()))
}

main()
