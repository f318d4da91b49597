// What a metric's page shows, as it stands in the address: read, written, asked, and said for other tools.

export const kIntervals = ['hour', 'day', 'week', 'month'];
export const kRanges = [
  ['', 'Latest counts'], ['last=24h', '24 hours'], ['last=7d', '7 days'], ['last=30d', '30 days'], ['last=12w', '12 weeks'], ['last=12m', '12 months'],
  ['between', 'From … to …'],
];

// "#/metric?name=Opened&by=campaign" -> {page, parameters}
export function readAddress(hash) {
  const text = hash.replace(/^#\/?/, '');
  const at = text.indexOf('?');
  const page = at < 0 ? text : text.slice(0, at);
  return {page: page || 'overview', parameters: new URLSearchParams(at < 0 ? '' : text.slice(at + 1))};
}

export class Question {
  constructor(parameters) {
    const one = (name) => parameters.get(name) || '';
    this.name = one('name');
    this.together = parameters.has('together');
    this.measure = one('measure') || 'count';
    this.interval = kIntervals.includes(one('interval')) ? one('interval') : 'day';
    this.last = one('last');
    this.from = one('from');
    this.to = one('to');
    this.calendar = one('calendar');
    this.by = one('by');
    this.where = parameters.getAll('where');  // "property=value" each, as the server reads it
    this.versus = parameters.has('versus');
  }

  with(changes) {
    return Object.assign(Object.create(Question.prototype), this, changes);
  }

  address() {
    const p = new URLSearchParams();
    p.set('name', this.name);
    if (this.together) p.set('together', '1');
    if (this.measure !== 'count') p.set('measure', this.measure);
    if (this.interval !== 'day') p.set('interval', this.interval);
    for (const name of ['last', 'from', 'to', 'calendar', 'by']) if (this[name]) p.set(name, this[name]);
    for (const filter of this.where) p.append('where', filter);
    if (this.versus) p.set('versus', '1');
    return '#/metric?' + p.toString();
  }

  // Of the whole range, or by interval; `by` a property.
  parameters({series = true, by = '', limit = 0, rest = false, versus = false, sort = ''} = {}) {
    const p = [[this.together ? 'group' : 'metric', this.name]];
    for (const name of ['last', 'from', 'to', 'calendar']) if (this[name]) p.push([name, this[name]]);
    if (series) p.push(['interval', this.interval]);
    if (by) p.push(['by', escaped(by, ',')]);
    for (const filter of this.where) p.push(['where', filter]);
    if (limit) p.push(['limit', String(limit)]);
    if (rest) p.push(['rest', 'yes']);
    if (sort) p.push(['sort', sort]);
    if (versus) p.push(['versus', 'previous']);
    return p;
  }
  shown() {
    return this.parameters({by: this.by, versus: this.versus && !this.by});
  }

  curl(origin, tenant) {
    const parts = this.shown().map(([name, value]) => '--data-urlencode ' + quoted(name + '=' + value));
    return ['curl -G ' + quoted(origin + '/v1/query'), '-H "Authorization: Bearer $QUIPU_KEY"', tenant ? '-H ' + quoted('Quipu-Tenant: ' + tenant) : '',
            ...parts].filter(Boolean).join(' ');
  }
  command(tenant) {
    const rest = this.shown().map(([name, value]) => '--' + name + ' ' + quoted(value));
    return ['quipu query', ...rest, '--tenant ' + quoted(tenant)].join(' ');
  }
}

// As one word of a shell.
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'");
const escaped = (name, special) => name.replace(/[\\,=!^]/g, (c) => (special.includes(c) || c === '\\' ? '\\' + c : c));

// property=value, so that the server reads these very texts (docs/running.md): a value that could be read otherwise stands in quotes.
// `begins`: property^=value, what begins so.
export function filterOf(property, value, begins = false) {
  const plain = !/^["\s]|\s$|[|\\]|^$/.test(value);
  return escaped(property, '=!^') + (begins ? '^=' : '=') + (plain || value === '' ? value : '"' + value.replace(/["\\]/g, '\\$&') + '"');
}
// The other way round, for people.
export function filterParts(filter) {
  let property = '', i = 0;
  let begins = false;  // the last character was a ^ that stands for itself not
  for (; i < filter.length && filter[i] !== '='; ++i) {
    begins = filter[i] === '^';
    property += filter[i] === '\\' && i + 1 < filter.length ? filter[++i] : filter[i];
  }
  if (begins) property = property.slice(0, -1);
  let value = filter.slice(i + 1);
  if (/^".*"$/s.test(value)) value = value.slice(1, -1).replace(/\\(["\\])/g, '$1');
  return {property, value, begins};
}
