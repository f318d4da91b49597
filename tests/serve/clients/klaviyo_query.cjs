// klaviyo-api for Node asks about what it sent before: klaviyo_query.cjs BASE_URL KEY
// Prints typed answers as JSON: by day, and every row of a paged one.
const { ApiKeySession, MetricsApi } = require('klaviyo-api')

const [base, key] = process.argv.slice(2)
const metrics = new MetricsApi(new ApiKeySession(key))
metrics.basePath = base

async function main() {
  const ids = Object.fromEntries((await metrics.getMetrics()).body.data.map((m) => [m.attributes.name, m.id]))
  const filter = ['greater-or-equal(datetime,2026-03-29T00:00:00)', 'less-than(datetime,2026-03-31T00:00:00)']
  const ask = (attributes) => metrics.queryMetricAggregates({ data: { type: 'metric-aggregate', attributes } })
  const typed = await ask({ metricId: ids['Placed Order'], measurements: ['count', 'sum_value', 'unique'], interval: 'day', by: ['$value_currency'], filter })
  const data = typed.body.data.attributes
  const days = { dates: data.dates.map((d) => (d instanceof Date ? d.toISOString() : d)), rows: data.data.map((r) => [r.dimensions, r.measurements]) }
  const pages = []
  for (let cursor; ;) {
    const page = await ask({ metricId: ids['Ordered Product'], measurements: ['count'], interval: 'month', by: ['Method'], pageSize: 3, ...(cursor ? { pageCursor: cursor } : {}),
      filter: ['greater-or-equal(datetime,2026-03-01T00:00:00)', 'less-than(datetime,2026-04-01T00:00:00)'] })
    pages.push(...page.body.data.attributes.data.map((r) => [r.dimensions, r.measurements]))
    const following = page.response.data.links.next
    if (!following) break
    cursor = following.split('page_cursor=')[1]
  }
  console.log(JSON.stringify({ days, pages }))
}

main().catch((error) => { console.error(error.response ? error.response.data : error); process.exit(1) })
