// How the server fares: sources, checkpoints, memory, lines that were set aside.
import {el, errorBox, show, stateBox} from './dom.js';
import {age, bytes, decimal, whole} from './format.js';

const kParts = {hot_tier: 'Records in memory', panes: 'Counted, on its way to a checkpoint', on_the_way: 'Events being read', filter: 'Which records there are', journal: 'Journal, being written'};

function sources(list) {
  return el('section', {class: 'card'}, el('h2', {}, 'Sources'), el('div', {class: 'tablebox'}, el('table', {id: 'sources'},
    el('thead', {}, el('tr', {}, ['Source', 'State'].map((t) => el('th', {}, t)), el('th', {class: 'number'}, 'Lines'), el('th', {class: 'number'}, 'Behind'))),
    el('tbody', {}, list.map((s) => el('tr', {}, el('td', {class: 'value'}, s.name, ' ', el('span', {class: 'badge'}, s.kind)),
      el('td', {}, el('span', {class: 'badge' + (s.error ? ' bad' : '')}, s.state), s.error ? el('p', {class: 'more'}, s.error) : null),
      el('td', {class: 'number'}, whole(s.lines)),
      el('td', {class: 'number'}, s.lag_bytes !== null ? bytes(s.lag_bytes) : s.bytes_total ? bytes(s.bytes_total - s.bytes_read) : '–')))))));
}

function memory(parts) {
  return el('section', {class: 'card'}, el('h2', {}, 'Memory by part'), el('table', {id: 'memory'}, el('tbody', {}, Object.entries(parts).map(([part, n]) =>
    el('tr', {}, el('td', {}, kParts[part] || part), el('td', {class: 'number'}, bytes(n)))))));
}

function events(of) {
  const rows = [['Read', of.read], ['Counted', of.counted], ['Sent again, and dropped', of.duplicate], ['Of no planned metric', of.unplanned], ['Set aside', of.set_aside]];
  return el('section', {class: 'card'}, el('h2', {}, 'Events since the store began'), el('table', {id: 'events'}, el('tbody', {}, rows.map(([name, n]) =>
    el('tr', {}, el('td', {}, name), el('td', {class: 'number'}, whole(n)))))));
}

function dead(list) {
  if (!list.length) return el('section', {class: 'card'}, el('h2', {}, 'Lines set aside'), el('p', {class: 'more'}, 'None: every line that came could be read.'));
  return el('section', {class: 'card'}, el('h2', {}, 'Lines set aside'), el('p', {class: 'more'}, 'quipu dead show prints them; after the plan is mended, quipu dead replay counts them.'),
    el('table', {id: 'dead'}, el('thead', {}, el('tr', {}, el('th', {}, 'Reason, and the newest'), el('th', {class: 'number'}, 'Lines'))),
      el('tbody', {}, list.map((d) => el('tr', {}, el('td', {}, el('span', {class: 'badge bad'}, d.reason), el('ul', {class: 'examples'}, d.examples.map((e) => el('li', {}, e)))),
        el('td', {class: 'number'}, whole(d.count)))))));
}

export async function start(place, session) {
  document.title = 'Health · quipu';
  let drawn = false;
  async function refresh(current) {
    const s = await session.api.get('/v1/status');
    if (!current()) return;
    drawn = true;
    const figure = (name, value, more, id) => el('div', {class: 'card'}, el('div', {class: 'name'}, name), el('div', {class: 'figure', id}, value), el('p', {class: 'more'}, more));
    show(place, el('h1', {}, 'Health'), el('p', {class: 'lead'}, s.version),
      s.obstacle ? errorBox({title: 'No events are taken now', message: s.obstacle}) : null,
      el('div', {class: 'row'}, figure('Last checkpoint', age(s.checkpoint.age_s), 'number ' + whole(s.checkpoint.number), 'checkpoint'),
        figure('It took', decimal(s.checkpoint.last_s) + ' s', `${whole(s.checkpoint.of_this_process)} since the server began`, 'took'),
        figure('Not counted yet', bytes(s.behind_bytes), 'acknowledged, safe on disk', 'behind')),
      s.events ? [sources(s.sources), el('div', {class: 'columns'}, events(s.events), memory(s.memory)), dead(s.dead)]
               : stateBox('The rest is for operators', 'Sources, memory and lines set aside are of all tenants: sign in with a key of quipu key add --all --read.'));
  }
  return {
    refresh,
    stop() {},
    failed(error) {
      if (!drawn) show(place, errorBox(error));
    },
  };
}
