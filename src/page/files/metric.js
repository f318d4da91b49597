// A metric: its course, what it breaks down into, filters, and the question for other tools.
import {el, errorBox, select, show, stateBox, svg} from './dom.js';
import {bucketText, label, percent, short, whole} from './format.js';
import {courseChart, shareBar, stackChart} from './charts.js';
import {Question, filterOf, filterParts, kIntervals, kRanges} from './question.js';

const kStacked = 6;    // groups of their own in the bars; the others are one
const kRows = 100;     // groups in the table
const kOffered = 50;   // values in a filter's list
const kRest = 7;       // colour

const sum = (values) => values.reduce((a, b) => a + Number(b), 0);

// Of a group, by bucket; null where the counter has none.
function valuesOf(group, measure) {
  if (measure === 'count' || measure === 'unique') return group[measure];
  const of = group.sum[measure.slice(4)];
  return of ? of.map(Number) : null;
}
const measureName = (measure) => ({count: 'Events', unique: 'Unique people'}[measure] || 'Sum of ' + measure.slice(4));

export async function start(place, session, parameters) {
  const question = new Question(parameters);
  document.title = question.name + ' · quipu';
  const listed = session.metrics || await session.api.get('/v1/metrics');
  session.metrics = listed;
  const metric = listed.metrics.find((m) => m.name === question.name && m.together === question.together);
  if (!metric) {
    session.metrics = null;
    show(place, stateBox('Nothing of that name is counted', el('a', {href: '#/'}, 'To the overview')));
    return {refresh: async () => {}, stop() {}};
  }
  return new Page(place, session, question, metric, listed.calendars).begin();
}

class Page {
  constructor(place, session, question, metric, calendars) {
    Object.assign(this, {place, session, question, metric, calendars, chart: null, shownTags: '', drawAgain() {}});
    this.resize = () => { if (this.chart) { this.chart.resize(); this.drawAgain(); } };
  }

  begin() {
    const q = this.question;
    this.watched = q.parameters({versus: q.versus});
    this.figures = el('div', {class: 'row', id: 'figures'});
    this.course = el('div', {class: 'chart', id: 'course'});
    this.read = el('div', {class: 'read', id: 'reading', 'aria-live': 'polite'});
    this.keys = el('div', {class: 'under'});
    this.courseBox = el('div', {});
    this.parts = el('div', {id: 'parts'});
    show(this.place, el('h1', {}, q.name, q.together ? [' ', el('span', {class: 'badge'}, 'together')] : null), this.lead = el('p', {class: 'lead', id: 'range'}, ' '),
         el('section', {class: 'card', 'aria-label': 'What is shown'}, this.controls(), this.chips()), this.figures,
         el('section', {class: 'card'}, el('h2', {}, measureName(q.measure)), this.courseBox), this.parts, this.share());
    window.addEventListener('resize', this.resize);
    return this;
  }
  stop() {
    window.removeEventListener('resize', this.resize);
    if (this.chart) this.chart.destroy();
    this.chart = null;
  }
  go(changes) {
    location.hash = this.question.with(changes).address();
  }

  properties() {
    return [...new Set(this.metric.counters.flatMap((c) => c.by))];
  }
  measures() {
    const sums = [...new Set(this.metric.counters.flatMap((c) => c.sums))];
    return [['count', 'Events'], ...(this.metric.counters.some((c) => c.unique) ? [['unique', 'Unique people']] : []), ...sums.map((s) => ['sum:' + s, 'Sum of ' + s])];
  }

  controls() {
    const q = this.question;
    const range = q.from || q.to ? 'between' : q.last ? 'last=' + q.last : '';
    const known = kRanges.some(([value]) => value === range);
    const ranges = known ? kRanges : [...kRanges, [range, 'Last ' + q.last]];
    const dates = el('form', {class: 'controls', id: 'dates', hidden: range !== 'between', onsubmit: (e) => { e.preventDefault(); this.go({last: '', from: from.value, to: to.value}); }});
    const from = el('input', {type: 'date', id: 'from', value: q.from.slice(0, 10), required: true}), to = el('input', {type: 'date', id: 'to', value: q.to.slice(0, 10)});
    dates.append(el('label', {}, 'From', from), el('label', {}, 'To, not included', to), el('button', {type: 'submit'}, 'Show'));
    const change = (value) => {
      if (value === 'between') { dates.hidden = false; from.focus(); return; }
      this.go({last: value.replace('last=', ''), from: '', to: '', ...(value === 'last=24h' ? {interval: 'hour'} : value === 'last=12m' ? {interval: 'month'} : {})});
    };
    const intervals = el('div', {class: 'pick', role: 'group', 'aria-label': 'By'}, kIntervals.map((i) =>
      el('button', {type: 'button', 'aria-pressed': String(i === q.interval), onclick: () => this.go({interval: i})}, i[0].toUpperCase() + i.slice(1))));
    return el('div', {}, el('div', {class: 'controls'},
      select('Show', this.measures(), q.measure, (v) => this.go({measure: v})), intervals, select('Time', ranges, range, change),
      this.calendars.length > 1 ? select('Calendar', this.calendars.map((c) => [c.name, c.name === c.zone ? c.zone : `${c.name} (${c.zone})`]), q.calendar || this.calendars[0].name, (v) => this.go({calendar: v})) : null,
      select('Break down by', [['', '–'], ...this.properties().map((p) => [p, p])], q.by, (v) => this.go({by: v})),
      el('button', {type: 'button', id: 'versus', 'aria-pressed': String(q.versus), onclick: () => this.go({versus: !q.versus})}, q.versus ? 'Without the period before' : 'Compare with the period before')), dates);
  }

  chips() {
    const q = this.question;
    const property = el('select', {'aria-label': 'Property to filter by', id: 'filter-property'}, this.properties().map((p) => el('option', {value: p}, p)));
    const how = el('select', {'aria-label': 'How', id: 'filter-how'}, el('option', {value: 'is'}, 'is'), el('option', {value: 'begins'}, 'begins with'));
    const offered = el('datalist', {id: 'offered'});
    const value = el('input', {'aria-label': 'Its value', id: 'filter-value', list: 'offered', placeholder: 'value', autocomplete: 'off', oninput: () => this.offer(property.value, value.value, offered),
                               onfocus: () => this.offer(property.value, value.value, offered)});
    const add = el('form', {class: 'controls', onsubmit: (e) => { e.preventDefault(); this.go({where: [...q.where.filter((f) => filterParts(f).property !== property.value), filterOf(property.value, value.value, how.value === 'begins' && value.value !== '')]}); }},
                   property, how, value, offered, el('button', {type: 'submit'}, 'Filter'));
    return el('div', {class: 'chips', id: 'chips'}, q.where.map((filter) => {
      const {property: p, value: v, begins} = filterParts(filter);
      return el('span', {class: 'chip'}, el('span', {title: v}, `${p} ${begins ? 'begins with' : '='} ${label(v)}`), el('button', {type: 'button', 'aria-label': `Without the filter ${p}`, onclick: () => this.go({where: q.where.filter((f) => f !== filter)})}, '×'));
    }), this.properties().length ? add : null);
  }
  async offer(property, prefix, list) {
    clearTimeout(this.offering);
    this.offering = setTimeout(async () => {
      const q = this.question;
      try {
        const found = await this.session.api.get(`/v1/dimensions/${encodeURIComponent(property)}/values`, [[q.together ? 'group' : 'metric', q.name], ['limit', String(kOffered)], ...(prefix ? [['prefix', prefix]] : [])]);
        show(list, found.values.map((v) => el('option', {value: v.value}, whole(v.count))));
      } catch { /* a list to choose from, no more: a value can be written all the same */ }
    }, 150);
  }

  share() {
    const q = this.question;
    const line = (name, text, id) => el('div', {}, el('dt', {}, name), el('dd', {}, el('code', {id}, text), el('button', {type: 'button', onclick: () => navigator.clipboard.writeText(text)}, 'Copy')));
    const csv = el('button', {type: 'button', id: 'csv', onclick: () => this.download()}, 'Download CSV');
    return el('details', {class: 'card share', id: 'share'}, el('summary', {}, 'Share this question, or ask it elsewhere'), el('dl', {}, line('This page', location.origin + '/' + q.address(), 'share-url'),
      line('curl', q.curl(location.origin, this.session.all ? this.session.tenant : ''), 'share-curl'), line('On the machine of the store', q.command(this.session.tenant || '…'), 'share-command')), el('p', {}, csv));
  }
  async download() {
    const answer = await this.session.api.fetch('/v1/query', this.question.shown(), 'text/csv');
    const link = el('a', {href: URL.createObjectURL(new Blob([answer.text], {type: 'text/csv'})), download: this.question.name.replace(/[^\w.-]+/g, '-') + '.csv'});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async refresh(current) {
    const q = this.question;
    const asked = [this.session.api.fetch('/v1/query', q.parameters({versus: q.versus}))];
    if (q.by) {
      asked.push(this.session.api.fetch('/v1/query', q.parameters({by: q.by, limit: kStacked, rest: true, sort: q.measure.startsWith('sum:') ? q.measure : q.measure})).catch((error) => error),
                 this.session.api.fetch('/v1/query', q.parameters({by: q.by, series: false, limit: kRows, sort: q.measure === 'unique' ? 'count' : q.measure})).catch((error) => error));
    }
    const answers = await Promise.all(asked);
    const tags = answers.map((a) => a.tag || a.message).join();
    if (!current() || tags === this.shownTags) return;
    this.shownTags = tags;
    this.drawCourse(answers[0].body);
    this.drawAgain = () => { if (q.by) this.drawParts(answers[1], answers[2]); };
    this.drawAgain();
  }
  failed(error) {
    this.shownTags = '';
    if (this.chart) this.chart.destroy();
    this.chart = null;
    show(this.figures);
    show(this.courseBox, errorBox(error));
    show(this.parts);
  }

  drawCourse(answer) {
    const q = this.question, interval = q.interval, group = answer.groups[0], points = valuesOf(group, q.measure);
    this.lead.textContent = `${answer.question.range}${answer.zone ? ' · ' + answer.zone : ''}`;
    if (!points) {
      this.failed({title: measureName(q.measure) + ' cannot be answered here', message: 'This counter has none over this time and by these filters.', help: 'Ask for events, or for another range.'});
      return;
    }
    const before = answer.previous && group.previous ? valuesOf(group.previous, q.measure) : null;
    const figure = answer.figures[q.measure.startsWith('sum:') ? 'sum.' + q.measure.slice(4) : q.measure];
    const partial = (figure ? figure.partial : answer.partial).map((b) => answer.buckets.indexOf(b));
    const filling = answer.filling ? answer.buckets.indexOf(answer.filling) : null;
    this.drawFigures(points, before, answer);
    if (this.chart) this.chart.destroy();
    show(this.courseBox, this.course, this.keys, this.tableOf(answer, points, before, partial, filling));
    const most = Math.max(...points);
    this.chart = courseChart(this.course, {buckets: answer.buckets, interval, points, before, partial, filling,
                                           name: `${measureName(q.measure)} by ${interval}: ${points.length} values, at most ${whole(most)}`},
                             (i) => { this.read.textContent = i === null ? '' : `${bucketText(answer.buckets[i], interval)}: ${whole(points[i])}` + (before ? ` (before: ${whole(before[i])})` : ''); });
    const line = (name) => svg('svg', {width: 22, height: 10, 'aria-hidden': 'true'}, svg('line', {class: name, x1: 0, y1: 5, x2: 22, y2: 5, 'stroke-width': 2, 'stroke-dasharray': name === 'before' ? '5 4' : null}));
    const box = (name) => svg('svg', {width: 14, height: 10, 'aria-hidden': 'true'}, svg('rect', {class: name, width: 14, height: 10}));
    show(this.keys, before ? [el('span', {class: 'key'}, line('now'), 'now'), el('span', {class: 'key'}, line('before'), el('span', {}, answer.previous.range))] : null,
         filling !== null ? el('span', {class: 'key'}, box('filling'), 'still filling') : null, partial.length ? el('span', {class: 'key'}, box('hatched'), 'partial: not planned all that time') : null, this.read);
  }

  drawFigures(points, before, answer) {
    const q = this.question, one = (name, value, more, id) => el('div', {class: 'card'}, el('div', {class: 'name'}, name), el('div', {class: 'figure', id}, value), el('p', {class: 'more'}, more));
    const most = points.indexOf(Math.max(...points)), last = points.length - 1, unique = q.measure === 'unique';
    const total = sum(points), old = before ? sum(before) : null;
    const change = old === null || unique ? null : el('span', {class: total >= old ? 'up' : 'down'}, percent(total, old) || 'none before');
    show(this.figures,
         unique && points.length > 1 ? one('In all', '–', 'people of several buckets do not add up', 'sum') : one('In all', whole(total), change ? [change, ` against ${whole(old)} before`] : `in ${whole(points.length)} ${q.interval}s`, 'sum'),
         one('Most', whole(points[most]), bucketText(answer.buckets[most], q.interval), 'most'),
         one('Newest', whole(points[last]), bucketText(answer.buckets[last], q.interval) + (answer.filling ? ', still filling' : ''), 'newest'),
         one('Each ' + q.interval, unique || !points.length ? '–' : short(total / points.length), unique ? 'people do not add up' : 'on average', 'average'));
  }

  tableOf(answer, points, before, partial, filling) {
    const q = this.question;
    const open = this.tableOpen;
    return el('details', {open, ontoggle: (e) => { this.tableOpen = e.target.open; }}, el('summary', {}, 'As a table'), el('div', {class: 'tablebox'}, el('table', {id: 'buckets'},
      el('thead', {}, el('tr', {}, el('th', {}, q.interval), el('th', {class: 'number'}, measureName(q.measure)), before ? el('th', {class: 'number'}, 'Before') : null, el('th', {}, ''))),
      el('tbody', {}, points.map((v, i) => el('tr', {}, el('td', {}, bucketText(answer.buckets[i], q.interval)), el('td', {class: 'number'}, whole(v)), before ? el('td', {class: 'number'}, whole(before[i])) : null,
        el('td', {}, partial.includes(i) ? el('span', {class: 'badge'}, 'partial') : null, i === filling ? el('span', {class: 'badge'}, 'still filling') : null)))))));
  }

  drawParts(series, totals) {
    const q = this.question, by = q.by;
    show(this.parts, el('section', {class: 'card'}, el('h2', {}, 'By ' + by), series instanceof Error ? errorBox(series) : this.stack(series.body), totals instanceof Error ? errorBox(totals) : this.groupTable(totals.body)));
  }
  stack(answer) {
    const q = this.question;
    const groups = answer.groups.map((g, i) => ({label: label(g.by[q.by]), values: valuesOf(g, q.measure), colour: i}));
    if (!groups.length || !groups[0].values) return el('p', {class: 'more'}, groups.length ? 'There are no bars of this measure.' : 'Nothing was counted in this time.');
    if (q.measure === 'unique') return el('p', {class: 'more'}, 'No stacked bars: a person may be in several groups. The table has each group’s people where one counter tells them.');
    if (answer.rest) groups.push({label: `the other ${whole(answer.groups_in_all - answer.groups.length)}`, values: valuesOf(answer.rest, q.measure), colour: kRest});
    const partial = answer.partial.map((b) => answer.buckets.indexOf(b));
    return [stackChart({buckets: answer.buckets, interval: q.interval, groups, partial, width: Math.max(240, this.parts.clientWidth - 38)}, (bucket, name, v) => `${bucketText(bucket, q.interval)}, ${name}: ${whole(v)}`),
            el('div', {class: 'under'}, groups.map((g) => el('span', {class: 'key'}, svg('svg', {width: 12, height: 12, 'aria-hidden': 'true'}, svg('rect', {class: 'c' + g.colour, width: 12, height: 12, rx: 2})), el('span', {title: g.label}, g.label))))];
  }
  groupTable(answer) {
    const q = this.question, measure = q.measure === 'unique' && !answer.groups.some((g) => g.unique) ? 'count' : q.measure;
    const all = Math.max(1e-9, ...answer.groups.map((g) => valuesOf(g, measure)[0]));
    const sums = Object.keys(answer.groups[0]?.sum || {});
    const drill = (value) => this.go({where: [...q.where.filter((f) => filterParts(f).property !== q.by), filterOf(q.by, value)], by: this.properties().find((p) => p !== q.by && this.counted([q.by, p])) || ''});
    return [el('div', {class: 'tablebox'}, el('table', {id: 'groups'}, el('thead', {}, el('tr', {}, el('th', {}, q.by), el('th', {class: 'wide'}, ''), el('th', {class: 'number'}, 'Events'),
      el('th', {class: 'number'}, 'People'), sums.map((s) => el('th', {class: 'number'}, s)))),
      el('tbody', {}, answer.groups.map((g) => el('tr', {}, el('td', {class: 'value'}, el('button', {type: 'button', title: `${g.by[q.by]}: click for these alone`, onclick: () => drill(g.by[q.by])}, label(g.by[q.by]))),
        el('td', {class: 'share-bar wide'}, shareBar(valuesOf(g, measure)[0] / all)), el('td', {class: 'number'}, whole(g.count[0])), el('td', {class: 'number'}, g.unique ? whole(g.unique[0]) : el('span', {title: 'People of several buckets or groups do not add up: ask for one day, week or month'}, '–')),
        sums.map((s) => el('td', {class: 'number'}, whole(g.sum[s][0])))))))),
      answer.groups_in_all > answer.groups.length ? el('p', {class: 'more'}, `The first ${whole(answer.groups.length)} of ${whole(answer.groups_in_all)}; the CSV has all.`) : null];
  }
  // Whether a counter has these properties and those of the filters.
  counted(properties) {
    const needed = [...properties, ...this.question.where.map((f) => filterParts(f).property)];
    return this.metric.counters.some((c) => !c.retired && needed.every((p) => c.by.includes(p)));
  }
}
