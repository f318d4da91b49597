// What is being counted, at once: rate, today, the metrics with a small line each, freshness.
import {el, errorBox, show, stateBox} from './dom.js';
import {age, bucketText, short, whole} from './format.js';
import {sparkline} from './charts.js';
import {Question} from './question.js';

const kMetricsShown = 20;
const kRateOver = 5;     // looks
const kSlowlyMs = 60000;

const sum = (values) => values.reduce((a, b) => a + b, 0);

// Of the day that the newest bucket belongs to, in the tenant's own time.
function ofToday(answer) {
  if (!answer.filling) return 0;
  const today = answer.filling.slice(0, 10);
  return sum(answer.groups[0].count.filter((_, i) => answer.buckets[i].slice(0, 10) === today));
}

// What changes slowly is asked for now and then, the hours each time.
async function lookSlowly(session) {
  const listed = await session.api.get('/v1/metrics');
  const metrics = listed.metrics.filter((m) => m.count !== null || m.counters.some((c) => !c.by.length)).sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
  const shown = metrics.slice(0, kMetricsShown);
  const days = await Promise.all(shown.map((m) => ask(session, m, {interval: 'day'})));
  return {listed, metrics, shown, days, at: performance.now()};
}

// null: this metric has no such counter.
async function ask(session, m, changes) {
  const question = new Question(new URLSearchParams()).with({name: m.name, together: m.together, ...changes});
  try {
    return await session.api.get('/v1/query', question.parameters());
  } catch (error) {
    if (error.status === 400) return null;
    throw error;
  }
}

function metricRow(m, today, days) {
  const question = new Question(new URLSearchParams()).with({name: m.name, together: m.together});
  const last = days ? days.buckets.at(-1) : null;
  return el('tr', {}, el('td', {class: 'value'}, el('a', {href: question.address(), title: m.name}, m.name), m.together ? el('span', {class: 'badge'}, 'together') : null),
            el('td', {}, days ? sparkline(days.groups[0].count) : ''), el('td', {class: 'number'}, today === null ? '–' : whole(today)),
            el('td', {class: 'number'}, whole(m.count), m.partial ? el('span', {class: 'badge', title: 'It was not planned all the time'}, 'partial') : null),
            el('td', {class: 'wide'}, last ? bucketText(last, 'day') : m.last_day));
}

export async function start(place, session) {
  document.title = 'Overview · quipu';
  const seen = [];  // {at, total} of the last looks
  let drawn = false, slow = null, kept = null;

  // Events a second between the looks kept; null: there is none to compare with.
  function rate(total, at) {
    if (seen.length && total < seen.at(-1).total) seen.length = 0;  // another day began
    seen.push({total, at});
    if (seen.length > kRateOver) seen.shift();
    const first = seen[0];
    return at > first.at ? Math.max(0, (total - first.total) / (at - first.at)) : null;
  }

  async function refresh(current) {
    const status = await session.api.get('/v1/status'), checkpoint = status.checkpoint.number;
    if (kept && kept.checkpoint === checkpoint && performance.now() - slow.at <= kSlowlyMs) {  // nothing changed but how old that is
      if (current()) draw(kept.all, status, kept.today, kept.total, rate(kept.today, performance.now() / 1000));
      return;
    }
    let all;
    try {
      if (!slow || performance.now() - slow.at > kSlowlyMs) slow = await lookSlowly(session);
      all = {...slow, hours: await Promise.all(slow.shown.map((m) => ask(session, m, {last: '24h', interval: 'hour'})))};
    } catch (error) {
      if (error.status !== 404) throw error;
      if (current()) nothing();
      return;
    }
    if (!current()) return;
    if (!all.metrics.length) return nothing();
    const events = all.shown.filter((m) => !m.together).length ? all.shown.map((m, i) => (m.together ? null : all.hours[i])) : all.hours;
    const today = sum(events.map((h) => (h ? ofToday(h) : 0)));
    const total = sum(all.metrics.filter((m) => !m.together).map((m) => m.count ?? 0));
    kept = {checkpoint, all, today, total};
    draw(all, status, today, total, rate(today, performance.now() / 1000));
  }

  function nothing() {
    drawn = true;
    show(place, el('h1', {}, 'Nothing is counted yet'), stateBox('This page shows events within seconds of their coming', 'Send some to POST /v1/events with a key that may write, or count files: quipu load FILE.'));
  }

  function draw(all, status, today, total, perSecond) {
    const behind = status.behind_bytes > 0;
    drawn = true;
    const figure = (name, value, more, id) => el('div', {class: 'card'}, el('div', {class: 'name'}, name), el('div', {class: 'figure', id}, value), el('p', {class: 'more'}, more));
    show(place, el('h1', {}, session.tenant || all.listed.tenant), el('p', {class: 'lead'}, all.listed.calendars.length ? 'Time in ' + all.listed.calendars[0].zone : ''),
         el('div', {class: 'row'},
            figure('Events a second', perSecond === null ? '–' : short(perSecond), 'of today, in the last seconds', 'rate'),
            figure('Events today', whole(today), all.metrics.length > all.shown.length ? `of the ${all.shown.length} largest metrics` : 'of all metrics', 'today'),
            figure('Events in all', whole(total), `${whole(all.metrics.length)} metrics`, 'total'),
            figure('Last checkpoint', age(status.checkpoint.age_s), [el('span', {class: 'live' + (behind ? ' old' : '')}), behind ? 'counting what has come' : 'all that came is counted'], 'fresh')),
         el('section', {class: 'card'}, el('h2', {}, 'Metrics'), el('div', {class: 'tablebox'}, el('table', {id: 'metrics'},
            el('thead', {}, el('tr', {}, el('th', {}, 'Metric'), el('th', {title: 'The last 30 days with counts'}, '30 days'), el('th', {class: 'number'}, 'Today'), el('th', {class: 'number'}, 'In all'), el('th', {class: 'wide'}, 'Newest'))),
            el('tbody', {}, all.shown.map((m, i) => metricRow(m, all.hours[i] ? ofToday(all.hours[i]) : null, all.days[i])))))),
         all.metrics.length > all.shown.length ? el('p', {class: 'more'}, `and ${whole(all.metrics.length - all.shown.length)} more: GET /v1/metrics lists them`) : null);
  }

  return {
    refresh,
    stop() {},
    failed(error) {
      if (!drawn) show(place, errorBox(error));
    },
  };
}
