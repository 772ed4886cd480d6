/** What the page does. It shows untrusted text: see `el`. */
import { showJobs, tick } from './page-jobs.js';
import { slackMessage, topicMessage } from './page-messages.js';

const byId = (id) => document.getElementById(id);
const live = new EventSource('/live');
const on = (event, handle) => live.addEventListener(event, ({ data }) => handle(JSON.parse(data)));

on('state', ({ isDemo, slack, topic }) => {
  showConnection(true);
  document.body.classList.toggle('demo', isDemo);
  byId('slack').replaceChildren(...slack.map(slackMessage).reverse());
  byId('topic').replaceChildren(...topic.map(topicMessage).reverse());
});
on('jobs', (jobs) => showJobs(byId('jobs'), jobs));
on('slack', (message) => byId('slack').prepend(slackMessage(message)));
on('topic', (message) => byId('topic').prepend(topicMessage(message)));
live.onerror = () => showConnection(false);
setInterval(tick, 1000);

byId('simulation').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const { name, outcome } = Object.fromEntries(new FormData(form));
  const refusal = await startJob({ outcome, ...(name && { name }) });
  byId('refusal').textContent = refusal ?? '';
  if (refusal === null) form.elements.name.value = '';
});

async function startJob(asked) {
  try {
    const response = await fetch('/simulation/jobs', { method: 'POST', body: JSON.stringify(asked) });
    return response.ok ? null : (await response.json()).detail;
  } catch {
    return 'The notifier does not respond.';
  }
}

function showConnection(isLive) {
  byId('connection').textContent = isLive ? 'live' : 'not connected';
  byId('connection').classList.toggle('live', isLive);
}
