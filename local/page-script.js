// Everything that is shown here was written by strangers: it becomes text nodes, and never markup.

const byId = (id) => document.getElementById(id);

/** Makes an element: `el('p.quiet.small', 'some text', otherElement)`. */
function el(selector, ...children) {
  const [tag, ...classes] = selector.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const clockTime = (at) =>
  new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

// --- Slack's mrkdwn: https://docs.slack.dev/messaging/formatting-message-text/

const unescaped = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const before = '(?<=^|[\\s(\\[{"\'.,;:!?>-])';
const after = '(?=$|[\\s)\\]}"\'.,;:!?<-])';
const around = (mark) => `${before}\\${mark}(?=[^\\s\\u2060${mark}])[^\\${mark}\\n]*[^\\s\\${mark}]\\${mark}${after}`;
const pieces = new RegExp(
  `(\`\`\`[\\s\\S]+?\`\`\`|\`[^\`\\n]+\`|<[^<>\\n]+>|${['*', '_', '~'].map(around).join('|')})`,
);
const emphasis = { '*': 'strong', _: 'em', '~': 's' };

function mrkdwn(text) {
  const fragment = document.createDocumentFragment();
  for (const piece of text.split(pieces)) {
    if (piece !== '') fragment.append(format(piece));
  }
  return fragment;
}

function format(piece) {
  if (!pieces.test(piece)) return unescaped(piece);
  if (piece.startsWith('```')) return el('pre.document', unescaped(piece.slice(3, -3)));
  if (piece.startsWith('`')) return el('code', unescaped(piece.slice(1, -1)));
  if (piece.startsWith('<')) return special(piece.slice(1, -1));
  return el(emphasis[piece[0]], mrkdwn(piece.slice(1, -1)));
}

function special(content) {
  const [target, label] = content.split(/\|(.*)/s);
  const date = /^!date\^(\d+)\^([^^]+)/.exec(target);
  if (date) return el('time', slackDate(new Date(date[1] * 1000), date[2]));
  const mention = /^(?:!(?:subteam\^)?|[@#])(.+)$/.exec(target);
  if (mention) return el('span.mention', `${target[0] === '#' ? '#' : '@'}${unescaped(label ?? mention[1])}`);
  return link(unescaped(target), unescaped(label ?? target));
}

function link(href, label) {
  if (!/^(https?|mailto):/.test(href)) return label;
  const anchor = el('a', label);
  Object.assign(anchor, { href, target: '_blank', rel: 'noopener noreferrer' });
  return anchor;
}

function slackDate(date, format) {
  const day = (month, year) => date.toLocaleDateString([], { day: 'numeric', month, ...(year && { year: 'numeric' }) });
  const isToday = date.toDateString() === new Date().toDateString();
  const forms = {
    date: () => day('long', true),
    date_num: () => date.toISOString().slice(0, 10),
    date_long: () => day('long', true),
    date_short: () => day('short', true),
    date_pretty: () => (isToday ? 'today' : day('long', true)),
    date_short_pretty: () => (isToday ? 'today' : day('short', true)),
    date_long_pretty: () => (isToday ? 'today' : day('long', true)),
    time: () => date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' }),
    time_secs: () => date.toLocaleTimeString(),
  };
  const text = format.replace(/\{(\w+)\}/g, (token, name) => forms[name]?.() ?? token);
  return text[0].toUpperCase() + text.slice(1);
}

// --- Slack messages

const textOf = (object) => (object.type === 'mrkdwn' ? mrkdwn(object.text) : object.text);

function blockOf(block) {
  switch (block.type) {
    case 'header':
      return el('p.block-header', textOf(block.text));
    case 'divider':
      return el('hr');
    case 'context':
      return el('div.block-context', ...block.elements.map((element) => el('span', textOf(element))));
    case 'actions':
      return el('div.block-actions', ...block.elements.map((button) => link(button.url ?? '', button.text.text)));
    case 'section':
      return el(
        'div',
        block.text ? el('p.block-section', textOf(block.text)) : null,
        block.fields ? el('div.fields', ...block.fields.map((field) => el('div', textOf(field)))) : null,
      );
    default:
      return el('p.quiet', `(${block.type})`);
  }
}

function slackMessage({ hook, at, payload }) {
  const sender = el(
    'p',
    el('span.sender', 'Publishing jobs'),
    el('span.app', 'APP'),
    el('span.quiet.small', `${clockTime(at)} in #${hook}`),
  );
  const blocks = payload.blocks?.map(blockOf) ?? [el('p.block-section', mrkdwn(payload.text ?? ''))];
  return el('article.slack', el('span.avatar', 'P'), el('div', sender, ...blocks));
}

// --- Messages of the topic

function topicMessage({ at, subject, attributes, email, document: json }) {
  const chips = Object.entries(attributes).map(([name, value]) => el('code', `${name}=${value}`));
  const people = el('div', el('p.subject', subject ?? ''), el('pre', email));
  const machines = el(
    'details',
    el('summary', 'JSON document and attributes, for machines'),
    el('div.attributes', ...chips),
    el('pre.document', pretty(json)),
  );
  return el('article', el('p.quiet.small', `${clockTime(at)} by e-mail, for people`), people, machines);
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function showMessages(id, messages, render) {
  const shown = messages.map(render).reverse();
  byId(id).replaceChildren(...(shown.length > 0 ? shown : [el('p.empty', byId(id).dataset.empty ?? '')]));
}

function addMessage(id, article) {
  byId(id).querySelector('.empty')?.remove();
  byId(id).prepend(article);
}

// --- Jobs

const count = (value) => (value === null || value === undefined ? '–' : value.toLocaleString());
const words = { sent: '✓', pending: '…', dead: '✗' };
const rows = new Map();
let jobs = [];

function look({ status, job, deliveries }) {
  if (status === null) return ['unknown', ''];
  if (status === 'Completed' && job?.statistics?.failed > 0) return ['Completed, warnings', 'warnings'];
  if (status === 'Completed' && job?.statistics?.processed === 0 && job.statistics.skipped > 0)
    return ['Published nothing', 'warnings'];
  return [status, { Running: 'running', Canceling: 'running', Completed: 'completed', Failed: 'failed' }[status] ?? ''];
}

function seconds(from, to) {
  const total = Math.max(0, Math.round((to - Date.parse(from)) / 1000));
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${total % 60} s` : `${total} s`;
}

function elapsed({ job }) {
  if (!job?.queuedAt) return '–';
  const end = job.finishedAt ? Date.parse(job.finishedAt) : Date.now();
  return job.startedAt ? seconds(job.startedAt, end) : `waiting ${seconds(job.queuedAt, end)}`;
}

function newRow() {
  const cell = (label, classes = '') => {
    const element = el(`td${classes}`);
    if (label) element.dataset.label = label;
    return element;
  };
  const cells = {
    name: cell(''),
    environment: cell('Environment', '.wide'),
    status: cell('Status', '.wide'),
    sent: cell('Sent', '.number'),
    processed: cell('Processed', '.number'),
    failed: cell('Failed', '.number'),
    skipped: cell('Skipped', '.number'),
    startedBy: cell('Started by', '.wide'),
    elapsed: cell('Elapsed', '.wide.elapsed'),
    told: cell('Told', '.people'),
  };
  return { cells, row: el('tr', ...Object.values(cells)) };
}

/** Fills a cell only when its content changed, so that a selection in the others stays. */
function fill(cell, content, make = () => [content]) {
  if (cell.dataset.content === content) return;
  cell.dataset.content = content;
  cell.replaceChildren(...make());
}

function showJob(entry) {
  const key = `${entry.environment}#${entry.jobId}`;
  const { cells, row } = rows.get(key) ?? rows.set(key, newRow()).get(key);
  const { job, jobId, environment, deliveries, error } = entry;
  const [status, tone] = look(entry);
  const reason = entry.status === null || error ? error : null;
  fill(cells.name, `${job?.name}${jobId}`, () => [el('div.name', job?.name ?? jobId), el('div.quiet.mono', jobId)]);
  fill(cells.environment, environment);
  fill(cells.status, status + tone + reason, () => [
    el(tone ? `span.pill.${tone}` : 'span.pill', status),
    reason ? el('div.quiet.small', reason) : '',
  ]);
  for (const name of ['sent', 'processed', 'failed', 'skipped']) fill(cells[name], count(job?.statistics?.[name]));
  cells.failed.classList.toggle('some', job?.statistics?.failed > 0);
  fill(cells.startedBy, job?.startedBy ?? '–');
  fill(cells.elapsed, elapsed(entry));
  fill(cells.told, JSON.stringify(deliveries), () =>
    deliveries.map(({ channel, state, error: why }) => {
      const line = el(`div.told.${state}`, `${words[state] ?? ''} ${channel}`);
      if (why) line.title = why;
      return line;
    }),
  );
  return row;
}

function showJobs() {
  const shown = jobs.map(showJob);
  const body = byId('jobs').tBodies[0];
  if (shown.some((row, index) => body.rows[index] !== row) || shown.length !== body.rows.length)
    body.replaceChildren(...shown);
  byId('jobs').hidden = shown.length === 0;
  byId('no-jobs').hidden = shown.length > 0;
}

setInterval(() => {
  for (const entry of jobs) showJob(entry);
}, 1000);

// --- What the server tells

const live = new EventSource('/live');
const on = (event, handle) => live.addEventListener(event, ({ data }) => handle(JSON.parse(data)));

on('state', ({ isDemo, slack, topic }) => {
  byId('connection').textContent = 'live';
  byId('connection').className = 'live';
  byId('mode').textContent = isDemo ? 'Demo: Sitecore, Slack and SNS are simulated on this machine.' : '';
  byId('simulation').hidden = !isDemo;
  byId('slack').dataset.empty = isDemo
    ? 'No message yet. The first job ends within seconds.'
    : 'Slack messages go to their channels. Column “Told” says which have arrived.';
  byId('topic').dataset.empty = isDemo
    ? 'No message yet. The first job ends within seconds.'
    : 'What goes to the local topic is shown here; messages to a topic in AWS are not.';
  showMessages('slack', slack, slackMessage);
  showMessages('topic', topic, topicMessage);
});
on('jobs', (listed) => {
  jobs = listed;
  showJobs();
});
on('slack', (message) => addMessage('slack', slackMessage(message)));
on('topic', (message) => addMessage('topic', topicMessage(message)));
live.onerror = () => {
  byId('connection').textContent = 'not connected';
  byId('connection').className = '';
};

// --- Starting a job

byId('simulation').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const { name, outcome } = Object.fromEntries(new FormData(form));
  const response = await fetch('/simulation/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ outcome, ...(name && { name }) }),
  }).catch(() => null);
  byId('refusal').textContent = response?.ok
    ? ''
    : ((await response?.json())?.detail ?? 'The notifier does not answer.');
  if (response?.ok) form.elements.name.value = '';
});
