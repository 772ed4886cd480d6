/** The list of jobs: one row each, which opens into the job's timeline. */
import { now, onTick, span, timeOfDay } from './clock.js';
import { byId, el, fill, inWords, sign, spoken } from './elements.js';
import { createHold } from './hold.js';
import { showDetails } from './timeline.js';

const jobs = new Map();
const rows = new Map();
/** The rows in the list, in their order. Others wait until nobody reads. */
let placed = [];
let hold;

/** Prepares the list, and in real mode its filters. */
export function setUpJobs({ isDemo, environments }) {
  hold = createHold({
    list: byId('jobs'),
    button: byId('new-jobs'),
    words: ['job', 'jobs'],
    apply: place,
  });
  onTick(() => {
    for (const job of jobs.values()) if (!isOver(job)) showTimes(job);
  });
  addEventListener('hashchange', openNamed);
  if (isDemo) return;
  byId('filter-environment').append(...environments.map((name) => el('option', name)));
  byId('filters').addEventListener('input', place);
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
}

const keyOf = ({ environment, jobId }) => `${environment}#${jobId}`;

/** Shows new and changed rows. Returns what changed. */
export function showJobs(changed) {
  const isFirst = jobs.size === 0;
  const changes = changed.map((job) => changeOf(jobs.get(keyOf(job)), job));
  const fresh = changed.filter((job) => !jobs.has(keyOf(job))).length;
  for (const job of changed) {
    jobs.set(keyOf(job), job);
    if (rows.has(keyOf(job))) update(job);
  }
  if (fresh > 0 && !isFirst) hold.came(fresh);
  else if (fresh > 0) place();
  showSummary();
  if (isFirst) openNamed();
  return isFirst ? [] : changes;
}

/** Opens the row of the job that the address names: the links of the demo's messages do. */
function openNamed() {
  const job = [...jobs.values()].find(({ jobId }) => location.hash === `#${encodeURIComponent(jobId)}`);
  const row = job && rows.get(keyOf(job));
  if (!row) return;
  row.details.open = true;
  row.item.scrollIntoView({ block: 'start' });
}

/** Jobs that are no longer kept. */
export function forgetJobs(keys) {
  for (const key of keys) {
    jobs.delete(key);
    rows.delete(key);
  }
  place();
  showSummary();
}

const changeOf = (before, { environment, status, why }) => ({
  environment,
  isRead: before?.status !== status,
  decidedRule: before?.why.rule !== why.rule ? why.rule : null,
});

/** Puts the rows that pass the filters into their order, newest first. */
function place() {
  const wanted = [...jobs.values()].sort((a, b) => (a.firstSeenAt < b.firstSeenAt ? 1 : -1)).filter(passes());
  const items = wanted.map((job) => {
    if (!rows.has(keyOf(job))) rows.set(keyOf(job), newRow(job));
    update(job);
    return rows.get(keyOf(job)).item;
  });
  const isSame = items.length === placed.length && items.every((item, index) => placed[index] === item);
  // A row that moves in the document loses its focus, so only what is new or gone is touched.
  if (!isSame) arrange(byId('jobs'), items);
  placed = items;
  byId('no-jobs').hidden = items.length > 0;
  byId('no-jobs-text').textContent = jobs.size > 0 ? 'No job passes these filters.' : 'No jobs yet.';
}

function arrange(list, items) {
  for (const child of [...list.children]) if (!items.includes(child)) child.remove();
  let after = null;
  for (const item of [...items].reverse()) {
    if (item.nextElementSibling !== after || item.parentElement !== list) list.insertBefore(item, after);
    after = item;
  }
}

function passes() {
  const value = (id) => byId(id).value;
  const name = value('filter-name').trim().toLowerCase();
  return ({ status, environment, job, jobId }) =>
    (value('filter-status') === '' ||
      value('filter-status')
        .split(',')
        .includes(status ?? 'unknown')) &&
    (value('filter-environment') === '' || value('filter-environment') === environment) &&
    `${job?.name ?? ''} ${jobId}`.toLowerCase().includes(name);
}

function showSummary() {
  const going = [...jobs.values()].filter((job) => !isOver(job)).length;
  byId('jobs-count').textContent = `${going} in progress, ${jobs.size - going} ended`;
}

function newRow(job) {
  const cells = Object.fromEntries(
    ['pill', 'name', 'who', 'bar', 'numbers', 'since', 'why', 'notified'].map((name) => [name, el(`span.${name}`)]),
  );
  const { pill, name, who, bar, numbers, since, why, notified } = cells;
  const summary = el(
    'summary',
    el('span.state', pill, since),
    el('span.what', name, who),
    el('span.counters', bar, numbers),
    el('span.decision', why, notified),
  );
  const body = el('div.details');
  const details = el('details.job', summary, body);
  details.addEventListener('toggle', () => details.open && showDetails(body, jobs.get(keyOf(job))));
  return { item: el('li', details), details, body, cells };
}

function update(job) {
  const { cells, details, body } = rows.get(keyOf(job));
  const { state, environment, isDiscovered, why, deliveries, job: data, jobId } = job;
  fill(cells.pill, state, () => [...(state.icon ? [sign(state.icon, ''), ' '] : []), state.label]);
  cells.pill.className = `pill ${state.tone}`;
  fill(cells.name, data?.name ?? jobId);
  fill(
    cells.who,
    [environment, data?.source, data?.startedBy, isDiscovered && 'discovered'].filter(Boolean).join(' · '),
  );
  showCounters(cells, data?.statistics);
  // The channels stand below, each with what became of its message.
  fill(cells.why, deliveries.length > 0 ? why.text.replace(/ → .*$/, '') : why.text);
  fill(cells.notified, deliveries, () => notifiedOf(deliveries));
  showTimes(job);
  if (details.open) showDetails(body, job);
}

const marks = {
  sent: ['✓', 'delivered'],
  pending: ['…', 'waits'],
  dead: ['✕', 'not delivered'],
};

/** What became of the messages about the latest outcome; those before stand in the timeline. Every job has started. */
function notifiedOf(deliveries) {
  const latest = deliveries.at(-1)?.outcome;
  const before = [...new Set(deliveries.map(({ outcome }) => outcome))].filter(
    (outcome) => outcome !== latest && outcome !== 'started',
  );
  const marked = deliveries.filter(({ outcome }) => outcome === latest).map(notifiedOne);
  const earlier = before.length > 0 ? [`after ${before.map(inWords).join(', ')}`] : [];
  return marked.length > 0 ? ['→ ', ...marked, ...earlier] : [];
}

function notifiedOne({ channel, state, attempts }) {
  const isRetried = state === 'pending' && attempts > 0;
  const [mark, meaning] = isRetried ? ['↻', 'is tried again'] : (marks[state] ?? ['', state]);
  return el(
    `span.notified-one.${isRetried ? 'retried' : state}`,
    sign(mark, `${meaning}: `),
    ` ${channel}`,
    spoken('. '),
  );
}

/** The counters as a bar. They may exceed what was sent, so the longest of them is its length, and it shows no percentage. */
function showCounters({ bar, numbers }, statistics) {
  const { sent, processed, failed, skipped } = statistics ?? {};
  const count = (value) => (value == null ? '–' : value.toLocaleString('en'));
  fill(
    numbers,
    statistics
      ? `${count(processed)} processed${failed ? ` · ${count(failed)} failed` : processed === 0 && skipped ? ` · ${count(skipped)} skipped` : ''} · ${count(sent)} sent`
      : 'not counted yet',
  );
  fill(bar, [sent, processed, failed, skipped], () => {
    const good = Math.max(0, (processed ?? 0) - (failed ?? 0));
    const rest = Math.max(0, (sent ?? 0) - (processed ?? 0) - (skipped ?? 0));
    const parts = { good, skipped: skipped ?? 0, failed: failed ?? 0, rest };
    return Object.entries(parts).map(([name, value]) => {
      const part = el(`span.${name}`);
      part.style.flexGrow = value;
      // Three failed among thousands are worth being seen.
      if (value > 0 && name === 'failed') part.style.minWidth = '4px';
      return part;
    });
  });
  bar.setAttribute('aria-hidden', 'true');
}

const ended = ['Completed', 'Failed', 'Canceled'];
const isOver = ({ status }) => ended.includes(status);

function showTimes(job) {
  const cells = rows.get(keyOf(job))?.cells;
  if (cells) fill(cells.since, sinceOf(job));
}

function sinceOf({ status, job, firstSeenAt }) {
  const { queuedAt, startedAt, finishedAt } = job ?? {};
  if (ended.includes(status) && finishedAt) return `at ${timeOfDay(finishedAt)}`;
  const from = startedAt ?? queuedAt ?? firstSeenAt;
  return `for ${span(now() - Date.parse(from))}`;
}
