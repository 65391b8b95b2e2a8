// The dashboard: /v1/status every two seconds, the feed by long poll, and the newest deposits when
// either says that something changed. What the server sends reaches the page as text, never as
// markup. Amounts are shown from their decimal strings: a JSON number here is a double.
'use strict';

const STATUS_EVERY_MS = 2000;
const STALE_AFTER_MS = 7000;
const EVENTS_WAIT_S = 20;
const SHOWN = 20;
const TOKEN_KEY = 'hotside.token';

const REASONS = {
  starting: 'The service is starting',
  no_node: 'No node can be followed',
  wrong_network: 'The node is of another network',
  node_unsynchronised: 'The node is not synchronised',
  catching_up: 'Catching up with the chain',
  lag: 'The data is behind the clock',
  stalled: 'No new block is coming',
  epoch_without_macro_block: 'An epoch does not end',
  violation: 'A node contradicts a final block',
  bad_block: 'A block cannot be accepted',
  store: 'The store is in trouble',
  audit_difference: 'The audit found a difference',
};
const BEHIND = ['lag', 'catching_up', 'stalled', 'epoch_without_macro_block', 'bad_block', 'no_node', 'starting'];
const DEPOSIT_TONE = { committed: 'good', prepared: 'warn', reverted: 'bad' };
const TRANSACTION_TONE = { committed: 'good', conflicted: 'bad', rejected: 'bad' };
const NODE_TONE = { following: 'good', standby: 'good', catching_up: 'warn', behind: 'warn', checking: 'warn',
  connecting: 'bad', unsynchronised: 'bad', wrong_network: 'bad', contradicting: 'bad' };

const byId = (id) => document.getElementById(id);
const state = { token: null, lastAnswer: null, startedAt: Date.now(), why: '', asking: false, generation: 0,
  skewMs: 0, status: null, cursor: null, feed: null, events: [] };
try { state.token = sessionStorage.getItem(TOKEN_KEY); } catch { /* storage is off: the token lives in the page */ }

// ---- talking to the service

class Unauthorised extends Error {}
class Refused extends Error {
  constructor(status, problem) {
    super((problem && (problem.detail || problem.title)) || 'HTTP ' + status);
    this.status = status;
  }
}

async function get(path, timeoutMs) {
  const headers = state.token ? { Authorization: 'Bearer ' + state.token } : {};
  const response = await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) });
  if (response.status === 401 || response.status === 403) throw new Unauthorised();
  // Lag is told by the service's clock: this one may be wrong.
  const served = Date.parse(response.headers.get('Date'));
  if (!Number.isNaN(served) && Math.abs(served - Date.now()) > 1500) state.skewMs = served - Date.now();
  else state.skewMs = 0;
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => null));
  return response.json();
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

async function followStatus(generation) {
  while (generation === state.generation) {
    try {
      const status = await get('/v1/status', 6000);
      if (generation !== state.generation) return;
      const moved = !state.status || state.status.head !== status.head ||
        state.status.counts.deposits !== status.counts.deposits;
      const first = !state.status;
      state.lastAnswer = Date.now();
      state.why = '';
      state.status = status;
      showStatus(status);
      if (first) followEvents(generation, status);
      if (moved || first) await refreshLists();
    } catch (error) {
      if (error instanceof Unauthorised) return askForToken();
      state.why = error instanceof Refused ? error.message : 'the service cannot be reached';
    }
    showLink();
    await sleep(STATUS_EVERY_MS);
  }
}

async function followEvents(generation, status) {
  state.cursor = Math.max(0, status.head - SHOWN);
  state.feed = status.feed;
  while (generation === state.generation) {
    try {
      const page = await get(`/v1/events?after=${state.cursor}&feed=${encodeURIComponent(state.feed)}` +
        `&wait=${EVENTS_WAIT_S}`, (EVENTS_WAIT_S + 15) * 1000);
      if (generation !== state.generation) return;
      state.cursor = page.next;
      if (page.events.length) {
        state.events = page.events.reverse().concat(state.events).slice(0, SHOWN);
        showEvents();
        await refreshLists();
      }
    } catch (error) {
      if (error instanceof Unauthorised) return;
      if (error instanceof Refused && error.status === 409) {
        // Another feed: the store was restored. What is shown belongs to the old one.
        state.events = [];
        state.status = null;
        return;
      }
      await sleep(3000);
    }
  }
}

async function refreshLists() {
  showDeposits(await get(`/v1/deposits?limit=${SHOWN}`, 6000));
  showTransactions(await get(`/v1/transactions?limit=${SHOWN}`, 6000));
}

// ---- showing

function text(id, value) {
  const element = byId(id);
  if (element.textContent !== String(value)) element.textContent = value;  // screen readers hear changes only
}

function cell(content, className) {
  const td = document.createElement('td');
  if (className) td.className = className;
  if (content instanceof Node) td.append(content); else td.textContent = content ?? '–';
  return td;
}

function tag(word, tone) {
  const span = document.createElement('span');
  span.className = 'tag ' + (tone || '');
  span.textContent = word;
  return span;
}

function copyable(full, shown, what) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy mono';
  button.textContent = shown;
  button.title = full;
  button.dataset.copy = full;
  button.setAttribute('aria-label', `copy ${what} ${full}`);
  return button;
}

const middle = (value, head, tail) =>
  value.length <= head + tail + 1 ? value : value.slice(0, head) + '…' + value.slice(-tail);
const grouped = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
const place = (epoch, offset) => offset === null || offset === undefined ? `${epoch} : macro` : `${epoch} : ${offset}`;
const clock = (iso) => iso.replace('T', ' ').replace(/\.\d+Z$/, '');

function stg(amount) {
  const [whole, part] = amount.split('.');
  return grouped(whole) + '.' + part;
}

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return s + ' s';
  if (s < 7200) return Math.round(s / 60) + ' min';
  if (s < 172800) return (s / 3600).toFixed(1) + ' h';
  return Math.round(s / 86400) + ' days';
}

function rows(id, list, columns, none, make) {
  const body = byId(id);
  if (!list.length) {
    const row = document.createElement('tr');
    const only = cell(none, 'none');
    only.colSpan = columns;
    row.append(only);
    body.replaceChildren(row);
    return;
  }
  body.replaceChildren(...list.map(make));
}

function row(...cells) {
  const tr = document.createElement('tr');
  tr.append(...cells);
  return tr;
}

function showVerdict(status) {
  byId('verdict').className = 'verdict ' + (status.ready ? 'good' : 'bad');
  text('verdict-title', status.ready ? 'Ready' : 'Not ready');
  const through = status.complete_through;
  const known = through ? `Complete through ${place(through.epoch, through.offset)}.` : 'No block has been taken in yet.';
  const behind = !status.ready && status.reasons.some((reason) => BEHIND.includes(reason.code));
  text('verdict-text', status.ready ? `Answers can be trusted. ${known}`
    : behind ? `What follows is behind the chain: newer deposits are not shown yet. ${known}` : known);
  const signature = JSON.stringify(status.reasons);
  if (byId('reasons').dataset.of === signature) return;
  byId('reasons').dataset.of = signature;
  byId('reasons').replaceChildren(...status.reasons.map((reason) => {
    const item = document.createElement('li');
    const title = document.createElement('b');
    const code = document.createElement('code');
    code.textContent = reason.code;
    title.append(REASONS[reason.code] || reason.code, code);
    item.dataset.code = reason.code;
    item.append(title, reason.text);
    return item;
  }));
}

function showFacts(status) {
  const { tip, complete_through: through } = status;
  const lag = tip ? Math.max(0, (Date.now() + state.skewMs - Date.parse(tip.block_time)) / 1000) : null;
  const behind = status.reasons.some((reason) => reason.code === 'lag');
  text('network', status.network);
  text('version', 'hotside ' + status.version);
  text('tip', tip ? place(tip.epoch, tip.offset) : '–');
  text('tip-note', tip ? middle(tip.block_hash, 10, 6) : 'no block yet');
  text('final', through ? through.final_epoch : '–');
  text('final-note', through ? 'committed up to here' : '');
  text('lag', lag === null ? '–' : duration(lag));
  text('lag-note', tip ? 'block of ' + clock(tip.block_time).slice(5) : '');
  byId('lag-fact').className = behind ? 'bad' : '';
  text('head', grouped(status.head));
  text('feed-note', 'feed ' + middle(status.feed, 8, 4));
  text('addresses', grouped(status.counts.addresses));
  text('deposit-count', grouped(status.counts.deposits));
  text('outputs-note', `${grouped(status.counts.public_outputs)} final public outputs indexed`);
}

function showStatus(status) {
  showVerdict(status);
  showFacts(status);
  byId('violations').hidden = status.violations.length === 0;
  rows('violation-rows', status.violations, 6, '', (v) => row(cell(clock(v.at)), cell(v.kind.replace('_', ' ')),
    cell(v.epoch), cell(copyable(v.stored, middle(v.stored, 10, 6), 'hash')),
    cell(copyable(v.shown, middle(v.shown, 10, 6), 'hash')), cell(v.node)));
  rows('node-rows', status.nodes, 5, 'No node is configured or known yet.', (node) => {
    const name = document.createElement(node.following ? 'b' : 'span');
    name.textContent = node.name;
    return row(cell(name), cell(tag(node.state.replace('_', ' '), NODE_TONE[node.state])), cell(node.generation),
      cell(node.epoch === null ? null : `${node.epoch} : ${node.offset ?? '–'}`, 'num'),
      cell(node.lag_seconds === null ? null : duration(node.lag_seconds), 'num'));
  });
  document.title = (status.ready ? '● ' : '✖ ') + 'Hotside ' + status.network + (status.ready ? '' : ': not ready');
}

function showDeposits(page) {
  const through = page.complete_through;
  text('deposits-note', through ? `Newest first, complete through ${place(through.epoch, through.offset)}`
    : 'Nothing has been taken in yet: an empty list says nothing');
  rows('deposit-rows', page.deposits, 8, 'No deposits to registered addresses so far.', (d) => {
    const tr = row(cell(tag(d.state, DEPOSIT_TONE[d.state])), cell(d.spend.replace('_', ' ')),
      cell(stg(d.amount_stg), 'num amount'), cell(copyable(d.address, middle(d.address, 9, 6), 'address')),
      cell(d.reference), cell(place(d.epoch, d.offset), 'num'), cell(clock(d.block_time)),
      cell(copyable(d.utxo, middle(d.utxo, 8, 4), 'UTXO id')));
    tr.className = d.state;
    return tr;
  });
}

// Amounts are left out: here they come as integers only.
function showTransactions(page) {
  byId('transactions').hidden = page.transactions.length === 0;
  rows('transaction-rows', page.transactions, 7, '', (t) => row(
    cell(tag(t.state, TRANSACTION_TONE[t.state] || 'warn')),
    cell(copyable(t.hash, middle(t.hash, 10, 6), 'transaction hash')),
    cell(`${t.inputs.length} → ${t.outputs.length}`, 'num'),
    cell(t.epoch === undefined ? null : place(t.epoch, t.offset), 'num'),
    cell(t.attempts === 1 ? 'once' : `${t.attempts} times`, 'num'),
    cell(t.bundle ? copyable(t.bundle, middle(t.bundle, 8, 4), 'bundle id') : null),
    cell(t.error || t.warning, 'wrap')));
}

function about(event) {
  if (event.deposit) {
    const d = event.deposit;
    return `${stg(d.amount_stg)} STG to ${middle(d.address, 9, 6)}` + (d.reference ? ` (${d.reference})` : '') +
      ` at ${place(d.epoch, d.offset)}` + (event.backfill ? ', from before its address was registered' : '');
  }
  if (event.node) return `${event.node.name}: ${event.node.state}`;
  if (event.violation) return `epoch ${event.violation.epoch}, shown by ${event.violation.node}`;
  if (event.chain) return `no block after ${place(event.chain.epoch, event.chain.offset)} since ${event.chain.since}`;
  if (!event.transaction) return '';
  const t = event.transaction;
  return t.hash + (t.epoch === undefined ? '' : ` at ${place(t.epoch, t.offset)}`) + (t.error ? `: ${t.error}` : '');
}

function showEvents() {
  const tone = (type) => /reverted|violation|down|stalled|conflicted|rejected/.test(type) ? 'bad'
    : /committed|up$/.test(type) ? 'good' : 'warn';
  rows('event-rows', state.events, 4, 'No events so far.', (event) => row(cell(event.seq, 'num'),
    cell(clock(event.at)), cell(tag(event.type, tone(event.type))), cell(about(event), 'wrap')));
}

// Whether what stands on the page is still what the service says.
function showLink() {
  if (state.asking) return;
  const now = Date.now();
  const since = state.lastAnswer ?? state.startedAt;
  const lost = now - since > STALE_AFTER_MS || (state.why !== '' && state.lastAnswer === null);
  const link = byId('link');
  link.className = 'link ' + (lost ? 'lost' : state.lastAnswer ? 'live' : 'connecting');
  text('link-text', lost ? 'disconnected' : state.lastAnswer ? 'live' : 'connecting…');
  byId('stale').hidden = !lost;
  document.body.classList.toggle('is-stale', lost && state.lastAnswer !== null);
  if (!lost) return;
  const why = state.why ? ` (${state.why})` : '';
  text('stale', state.lastAnswer === null ? `No answer from the service yet${why}. Trying again.`
    : `No answer since ${clock(new Date(state.lastAnswer).toISOString())} UTC${why}. What is shown below is old. Trying again.`);
  document.title = '✖ Hotside: no answer';
}

// ---- tokens

function askForToken() {
  state.generation += 1;
  state.asking = true;
  const tried = state.token !== null;
  forget();
  byId('ask').hidden = false;
  byId('ask-why').textContent = tried ? 'That token was refused. A token with the role read is enough; it stays in this tab only.'
    : 'A token with the role read is enough. It stays in this tab only.';
  byId('verdict').hidden = byId('facts').hidden = byId('stale').hidden = true;
  byId('violations').hidden = byId('transactions').hidden = true;
  for (const id of ['node-rows', 'deposit-rows', 'event-rows']) byId(id).closest('section').hidden = true;
  text('link-text', 'token needed');
  byId('link').className = 'link connecting';
  document.title = 'Hotside: token needed';
  byId('token').focus();
}

function forget() {
  state.token = null;
  Object.assign(state, { status: null, events: [], lastAnswer: null });
  try { sessionStorage.removeItem(TOKEN_KEY); } catch { /* as above */ }
  byId('forget').hidden = true;
}

function start() {
  state.generation += 1;
  state.asking = false;
  state.startedAt = Date.now();
  byId('ask').hidden = true;
  byId('verdict').hidden = byId('facts').hidden = false;
  for (const id of ['node-rows', 'deposit-rows', 'event-rows']) byId(id).closest('section').hidden = false;
  byId('forget').hidden = state.token === null;
  followStatus(state.generation);
}

byId('ask-form').addEventListener('submit', (event) => {
  event.preventDefault();
  state.token = byId('token').value.trim();
  byId('token').value = '';
  try { sessionStorage.setItem(TOKEN_KEY, state.token); } catch { /* as above */ }
  start();
});
byId('forget').addEventListener('click', askForToken);

let toastTimer = 0;
document.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-copy]');
  if (!button) return;
  let said = 'Copied';
  try { await navigator.clipboard.writeText(button.dataset.copy); } catch { said = button.dataset.copy; }
  text('toast', said);
  byId('toast').hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { byId('toast').hidden = true; }, said === 'Copied' ? 1500 : 15000);
});

setInterval(showLink, 1000);
start();
