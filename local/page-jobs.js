/** The table of jobs. */
import { el } from './page-elements.js';

const rows = new Map();
let jobs = [];

/** Shows these jobs in the order of the server: newest first. */
export function showJobs(table, listed) {
  jobs = listed;
  const [body] = table.tBodies;
  const shown = jobs.map(updatedRow);
  const isSame = shown.length === body.rows.length && shown.every((row, index) => body.rows[index] === row);
  if (!isSame) body.replaceChildren(...shown);
  table.hidden = shown.length === 0;
}

/** Updates the elapsed times. */
export function tick() {
  for (const entry of jobs) updatedRow(entry);
}

function updatedRow(entry) {
  const key = `${entry.environment}#${entry.jobId}`;
  if (!rows.has(key)) rows.set(key, newRow());
  const { row, cells } = rows.get(key);
  const { environment, jobId, job, isDiscovered, deliveries } = entry;
  fill(cells.name, JSON.stringify([job?.name, jobId, isDiscovered]), () => [
    el('div.name', job?.name ?? jobId),
    el('div.quiet.mono', jobId),
    isDiscovered ? el('div.quiet.small', 'Discovered automatically') : '',
  ]);
  fill(cells.environment, environment);
  fill(cells.status, JSON.stringify([entry.status, job?.statistics, entry.error, entry.delays]), () => statusOf(entry));
  for (const name of ['sent', 'processed', 'failed', 'skipped']) {
    fill(cells[name], job?.statistics?.[name]?.toLocaleString() ?? '–');
  }
  cells.failed.classList.toggle('some', job?.statistics?.failed > 0);
  fill(cells.startedBy, job?.startedBy ?? '–');
  fill(cells.elapsed, elapsed(job));
  fill(cells.notified, JSON.stringify(deliveries), () => notifiedOf(deliveries));
  return row;
}

/** Fills a cell only if its content has changed, so that selected text stays selected. */
function fill(cell, content, make = () => [content]) {
  if (cell.dataset.content === content) return;
  cell.dataset.content = content;
  cell.replaceChildren(...make());
}

function newRow() {
  const cell = (label, classes = '') => {
    const element = el(`td${classes}`);
    element.dataset.label = label;
    return element;
  };
  const cells = {
    name: el('td'),
    environment: cell('Environment', '.wide'),
    status: cell('Status', '.wide'),
    sent: cell('Sent', '.number'),
    processed: cell('Processed', '.number'),
    failed: cell('Failed', '.number'),
    skipped: cell('Skipped', '.number'),
    startedBy: cell('Started by', '.wide'),
    elapsed: cell('Elapsed', '.wide.elapsed'),
    notified: cell('Notified', '.notified'),
  };
  return { cells, row: el('tr', ...Object.values(cells)) };
}

const tones = { Running: 'running', Canceling: 'running', Completed: 'completed', Failed: 'failed' };

const ended = ['Completed', 'Failed', 'Canceled'];

function statusOf(entry) {
  const [text, tone] = stateOf(entry);
  const past = ended.includes(entry.status) && entry.delays.map((delay) => `was ${delay}`);
  const notes = [...(past || []), ...(entry.error ? [entry.error] : [])];
  return [el(tone ? `span.pill.${tone}` : 'span.pill', text), ...notes.map((note) => el('div.quiet.small', note))];
}

function stateOf({ status, job, delays }) {
  const { failed, processed, skipped } = job?.statistics ?? {};
  if (status === 'Completed' && failed > 0) return ['Completed, warnings', 'warnings'];
  if (status === 'Completed' && processed === 0 && skipped > 0) return ['Published nothing', 'warnings'];
  if (!ended.includes(status) && delays.length > 0) return [[status, ...delays].join(', '), 'warnings'];
  return [status ?? 'unknown', tones[status]];
}

function elapsed(job) {
  if (!job?.queuedAt) return '–';
  const end = job.finishedAt ? Date.parse(job.finishedAt) : Date.now();
  const seconds = Math.max(0, Math.round((end - Date.parse(job.startedAt ?? job.queuedAt)) / 1000));
  return job.startedAt ? inWords(seconds) : `waiting ${inWords(seconds)}`;
}

function inWords(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

const marks = { sent: '✓', pending: '…', dead: '✗' };

/** Shows the outcome of each delivery only if there are several outcomes. */
function notifiedOf(deliveries) {
  const isOne = new Set(deliveries.map(({ outcome }) => outcome)).size === 1;
  return deliveries.map(({ outcome, channel, state, error }) => {
    const text = `${marks[state] ?? ''} ${channel}${isOne ? '' : `: ${outcomeText(outcome)}`}`;
    return Object.assign(el(`div.${state}`, text), { title: error ?? state });
  });
}

const outcomeText = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
