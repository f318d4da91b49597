// Numbers and times as the reader's own language writes them.

const kWhole = new Intl.NumberFormat();
const kShort = new Intl.NumberFormat(undefined, {notation: 'compact', maximumFractionDigits: 1});
const kTwo = new Intl.NumberFormat(undefined, {maximumFractionDigits: 2});
const kPercent = new Intl.NumberFormat(undefined, {style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero'});

// Whole counts and exact decimals come as numbers or texts; beyond 2^53 only the text is exact.
export function whole(n) {
  if (n === null || n === undefined) return '–';
  if (typeof n === 'string') return /^-?\d+$/.test(n) ? kWhole.format(BigInt(n)) : kTwo.format(Number(n));
  return Number.isInteger(n) ? kWhole.format(n) : kTwo.format(n);
}
export const decimal = (n) => kTwo.format(n);
export const short = (n) => kShort.format(n);
export const percent = (now, before) => (before ? kPercent.format((now - before) / before) : '');

// "2026-03-05T10:00:00+01:00" as the wall clock there shows it, whatever the reader's own zone.
function wall(bucket) {
  const m = /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(bucket);
  return m ? new Date(Date.UTC(+m[1], m[2] - 1, +m[3], +m[4], +m[5])) : null;
}
const kForms = {
  hour: {weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'},
  day: {weekday: 'short', day: 'numeric', month: 'short', year: 'numeric'},
  week: {day: 'numeric', month: 'short', year: 'numeric'},
  month: {month: 'long', year: 'numeric'},
  year: {year: 'numeric'},
};
const kTicks = {
  hour: {day: 'numeric', month: 'short', hour: '2-digit'}, day: {day: 'numeric', month: 'short'}, week: {day: 'numeric', month: 'short'},
  month: {month: 'short', year: '2-digit'}, year: {year: 'numeric'},
};
export function bucketText(bucket, interval) {
  const at = wall(bucket);
  if (!at) return bucket;
  const text = new Intl.DateTimeFormat(undefined, {...(kForms[interval] || kForms.day), timeZone: 'UTC'}).format(at);
  return interval === 'week' ? 'week of ' + text : text;
}
export function tickText(bucket, interval) {
  const at = wall(bucket);
  return at ? new Intl.DateTimeFormat(undefined, {...(kTicks[interval] || kTicks.day), timeZone: 'UTC'}).format(at) : bucket;
}
export function age(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const unit = seconds < 120 ? ['second', 1] : seconds < 7200 ? ['minute', 60] : seconds < 172800 ? ['hour', 3600] : ['day', 86400];
  return new Intl.RelativeTimeFormat(undefined, {numeric: 'auto'}).format(-Math.round(seconds / unit[1]), unit[0]);
}
export function bytes(n) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let unit = 0;
  while (n >= 1000 && unit + 1 < units.length) { n /= 1000; ++unit; }
  return new Intl.NumberFormat(undefined, {style: 'unit', unit: units[unit], unitDisplay: 'short', maximumFractionDigits: 1}).format(n);
}
// Of a value of a property: the empty one has a word of its own, in another form than a text of that name.
export const label = (value) => (value === '' ? '∅ none' : value);
