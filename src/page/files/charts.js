// A course of time (dygraphs), bars stacked by group, and small lines. Buckets stand side by side at equal distance: what they are is in their texts.
import {svg} from './dom.js';
import {short, tickText} from './format.js';

// Its legend writes markup with styles; the page has keys of its own.
window.Dygraph.PLUGINS = window.Dygraph.PLUGINS.filter((plugin) => plugin !== window.Dygraph.Plugins.Legend);

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// points: numbers by bucket; before: those of the period before, or null. Calls read(i) where the pointer is, read(null) when it leaves.
export function courseChart(place, {buckets, interval, points, before, partial, filling, name}, read) {
  const rows = points.map((v, i) => (before ? [i, v, before[i] ?? null] : [i, v]));
  if (rows.length === 1) rows.push(before ? [1, null, null] : [1, null]);
  const chart = new window.Dygraph(place, rows, {
    labels: before ? ['bucket', 'now', 'before'] : ['bucket', 'now'],
    series: {now: {color: colour('--s0'), strokeWidth: 2, fillGraph: true}, before: {color: colour('--before'), strokeWidth: 1.5, strokePattern: [5, 4]}},
    legend: 'never', includeZero: true, drawPoints: rows.length < 62, pointSize: 2.5, highlightCircleSize: 4, fillAlpha: 0.12,
    gridLineColor: colour('--line'), axisLineColor: colour('--line'), interactionModel: {}, animatedZooms: false, rightGap: 12, xRangePad: 14,
    axes: {
      x: {pixelsPerLabel: 90, axisLabelWidth: 90, drawGrid: false, ticker: (a, b, pixels) => ticks(buckets, interval, pixels)},
      y: {axisLabelFormatter: (v) => short(v), axisLabelWidth: 52, pixelsPerLabel: 44},
    },
    underlayCallback: (canvas, area, graph) => {
      for (const i of partial) hatch(canvas, graph, area, i);
      if (filling !== null) band(canvas, graph, area, filling, colour('--accent-soft'));
    },
    highlightCallback: (event, x) => read(Math.min(Math.round(x), buckets.length - 1)),
    unhighlightCallback: () => read(null),
  });
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', name);
  return chart;
}

function ticks(buckets, interval, pixels) {
  const step = Math.max(1, Math.ceil(buckets.length / Math.max(1, Math.floor(pixels / 90))));
  return buckets.map((bucket, i) => ({v: i, label: tickText(bucket, interval)})).filter((t) => t.v % step === 0);
}
function edges(graph, area, i) {
  const left = Math.max(area.x, graph.toDomXCoord(i - 0.5)), right = Math.min(area.x + area.w, graph.toDomXCoord(i + 0.5));
  return [left, Math.max(0, right - left)];
}
function band(canvas, graph, area, i, fill) {
  const [x, w] = edges(graph, area, i);
  canvas.fillStyle = fill;
  canvas.fillRect(x, area.y, w, area.h);
}
function hatch(canvas, graph, area, i) {
  const [x, w] = edges(graph, area, i);
  canvas.save();
  canvas.beginPath();
  canvas.rect(x, area.y, w, area.h);
  canvas.clip();
  canvas.strokeStyle = colour('--line');
  canvas.lineWidth = 2;
  for (let at = x - area.h; at < x + w; at += 8) {
    canvas.beginPath();
    canvas.moveTo(at, area.y + area.h);
    canvas.lineTo(at + area.h, area.y);
    canvas.stroke();
  }
  canvas.restore();
}

// groups: [{label, values, colour}], the first at the bottom; as wide as it will be shown.
export function stackChart({buckets, interval, groups, partial, width}, textOf) {
  const height = 240, left = 48, bottom = 22, top = 12;
  const tops = buckets.map((_, i) => groups.reduce((sum, g) => sum + g.values[i], 0));
  const most = Math.max(1, ...tops), step = (width - left) / Math.max(1, buckets.length), bar = Math.max(1, Math.min(64, step * 0.78));
  const y = (v) => height - bottom - (v / most) * (height - bottom - top);
  const parts = [svg('defs', {}, svg('pattern', {id: 'hatch', class: 'hatch', width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)'},
                                     svg('line', {x1: 0, y1: 0, x2: 0, y2: 7})))];
  for (const share of [0, 0.5, 1]) {
    parts.push(svg('line', {x1: left, x2: width, y1: y(most * share), y2: y(most * share)}),
               svg('text', {x: left - 6, y: y(most * share) + 4, 'text-anchor': 'end'}, short(most * share)));
  }
  const each = Math.max(1, Math.ceil((buckets.length * 90) / width));
  buckets.forEach((bucket, i) => {
    const x = left + step * i + (step - bar) / 2;
    let sum = 0;
    groups.forEach((group, g) => {
      const v = group.values[i];
      if (!(v > 0)) return;
      parts.push(svg('rect', {class: 'c' + group.colour, x, width: bar, y: y(sum + v), height: y(sum) - y(sum + v)}, svg('title', {}, textOf(bucket, group.label, v))));
      sum += v;
    });
    if (partial.includes(i) && sum > 0) parts.push(svg('rect', {fill: 'url(#hatch)', x, width: bar, y: y(sum), height: y(0) - y(sum)}));
    if (i % each === 0) parts.push(svg('text', {x: left + step * (i + 0.5), y: height - 5, 'text-anchor': 'middle'}, tickText(bucket, interval)));
  });
  return svg('svg', {class: 'stack', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Bars by group and time; the table has the same numbers'}, parts);
}

export function sparkline(values) {
  const most = Math.max(1, ...values), step = 100 / Math.max(1, values.length - 1);
  const points = values.map((v, i) => `${(i * step).toFixed(2)},${(30 - (v / most) * 28).toFixed(2)}`);
  if (points.length === 1) points.push('100,' + points[0].split(',')[1]);
  return svg('svg', {class: 'spark', viewBox: '0 0 100 32', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
             svg('path', {class: 'area', d: 'M0,31 L' + points.join(' L') + ' L100,31 Z'}), svg('path', {class: 'course', d: 'M' + points.join(' L')}));
}

export function shareBar(share) {
  return svg('svg', {class: 'bar', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
             svg('rect', {x: 0, y: 0, height: 10, width: Math.max(0, Math.min(100, share * 100)), rx: 1}));
}
