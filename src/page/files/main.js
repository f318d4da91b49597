// Signing in, and which view is shown. A view is {start(place, session, parameters)} and gives back {refresh, stop}, and
// perhaps {watched}: parameters of the question that all it shows depends on.
import {Api, ApiError} from './api.js';
import {el, errorBox, show, stateBox} from './dom.js';
import {readAddress} from './question.js';
import {Live} from './live.js';
import * as health from './health.js';
import * as metric from './metric.js';
import * as overview from './overview.js';

const kViews = {overview, metric, health};
const content = document.getElementById('content');
const session = {api: null, tenant: '', all: false, metrics: null};
let view = null, turn = 0, live = null;

function keep(key, tenant) {
  sessionStorage.setItem('quipu.key', key);
  sessionStorage.setItem('quipu.tenant', tenant);
}

// Who the key is for: the status tells an operator's key more.
async function enter(key, tenant) {
  const api = new Api(key, tenant);
  const status = await api.get('/v1/status');
  session.api = api;
  session.all = 'events' in status;
  session.tenant = tenant;
  session.metrics = null;
}

function signIn(message) {
  leaveView();
  document.getElementById('nav').hidden = true;
  document.getElementById('out').hidden = true;
  document.getElementById('who').textContent = '';
  document.title = 'Sign in · quipu';
  const key = el('input', {type: 'password', id: 'key', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': 'keyhelp'});
  const problem = el('div', {id: 'problem', role: 'alert'});
  if (message) problem.append(errorBox(message));
  const go = el('button', {type: 'submit', class: 'main'}, 'Sign in');
  const form = el('form', {onsubmit: async (event) => {
    event.preventDefault();
    go.disabled = true;
    show(problem);
    try {
      await enter(key.value.trim(), '');
      keep(key.value.trim(), '');
      await route();
    } catch (error) {
      show(problem, errorBox(error));
      go.disabled = false;
      key.focus();
    }
  }}, el('label', {class: 'field', for: 'key'}, 'Key', key),
    el('p', {class: 'more', id: 'keyhelp'}, 'One that may read: quipu key add --read --tenant NAME. It stays in this tab, until you close it or sign out.'), problem, go);
  show(content, el('section', {class: 'card signin'}, el('h1', {}, 'What is being counted'), el('p', {class: 'lead'}, 'Sign in with a key of this server.'), form));
  key.focus();
}

function chooseTenant() {
  leaveView();
  document.title = 'Tenants · quipu';
  const list = el('div', {class: 'tablebox'});
  const prefix = el('input', {type: 'search', id: 'tenant', autocomplete: 'off', oninput: () => fillList()});
  const fillList = async () => {
    try {
      const found = await session.api.get('/v1/tenants', [['prefix', prefix.value]]);
      if (!found.tenants.length) return show(list, stateBox(prefix.value ? 'No tenant begins like that' : 'Nothing is counted yet', prefix.value ? '' : 'Send events to POST /v1/events; this page shows them within seconds.'));
      show(list, el('table', {}, el('thead', {}, el('tr', {}, el('th', {}, 'Tenant'), el('th', {}, 'Calendars'))), el('tbody', {}, found.tenants.map((t) =>
        el('tr', {}, el('td', {class: 'value'}, el('button', {type: 'button', onclick: () => pickTenant(t.name)}, t.name)), el('td', {}, t.calendars.map((c) => c.zone).join(', ')))))),
        found.more ? el('p', {class: 'more'}, 'There are more: type how the name begins.') : null);
    } catch (error) {
      show(list, errorBox(error));
    }
  };
  show(content, el('h1', {}, 'Whose counts?'), el('p', {class: 'lead'}, 'This key may read all tenants.'),
       el('section', {class: 'card'}, el('label', {class: 'field', for: 'tenant'}, 'Begins with', prefix)), el('section', {class: 'card'}, list));
  fillList();
  prefix.focus();
}

async function pickTenant(name) {
  keep(session.api.key, name);
  await enter(session.api.key, name);
  location.hash = '#/';
  await route();
}

function leaveView() {
  if (live) live.end();
  live = null;
  ++turn;
  if (view) view.stop();
  view = null;
}

function drawFrame(page) {
  const nav = document.getElementById('nav');
  const links = [['overview', 'Overview'], ['health', 'Health'], ...(session.all ? [['tenants', 'Tenants']] : [])];
  show(nav, links.map(([to, text]) => el('a', {href: '#/' + (to === 'overview' ? '' : to), 'aria-current': to === page ? 'page' : null}, text)));
  nav.hidden = false;
  document.getElementById('out').hidden = false;
  document.getElementById('who').textContent = session.tenant;
}

async function route() {
  leaveView();
  if (!session.api) return signIn();
  const {page, parameters} = readAddress(location.hash);
  drawFrame(page);
  if (session.all && (page === 'tenants' || (!session.tenant && page !== 'health'))) return chooseTenant();
  const module = kViews[page];
  if (!module) return show(content, stateBox('There is no such page', el('a', {href: '#/'}, 'To the overview')));
  const mine = turn;
  show(content, el('p', {class: 'state', role: 'status'}, 'Loading …'));
  const started = await module.start(content, session, parameters);
  if (mine !== turn) return started.stop();
  view = started;
  live = new Live(session.api, view.watched || null, () => refresh(mine));
  await live.begin();
}

async function refresh(mine) {
  if (mine !== turn || !view) return;
  try {
    await view.refresh(() => mine === turn);
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof ApiError && error.status === 401) return signOut(error);
    if (!(error instanceof ApiError)) console.error(error);
    if (view.failed) view.failed(error);
    else show(content, errorBox(error));
  }
}

function signOut(error) {
  sessionStorage.removeItem('quipu.key');
  sessionStorage.removeItem('quipu.tenant');
  session.api = null;
  signIn(error);
}

function theme() {
  const button = document.getElementById('theme');
  const wished = () => localStorage.getItem('quipu.theme') || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  const set = () => {
    document.documentElement.dataset.theme = wished();
    button.textContent = wished() === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', 'Show this page ' + (wished() === 'dark' ? 'light' : 'dark'));
  };
  button.addEventListener('click', () => {
    localStorage.setItem('quipu.theme', wished() === 'dark' ? 'light' : 'dark');
    set();
    if (session.api) route();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', set);
  set();
}

async function begin() {
  theme();
  document.getElementById('out').addEventListener('click', () => signOut());
  const key = sessionStorage.getItem('quipu.key');
  if (!key) return signIn();
  try {
    await enter(key, sessionStorage.getItem('quipu.tenant') || '');
  } catch (error) {
    return signIn(error);
  }
  await route();
}

window.addEventListener('hashchange', route);
begin();
