/** What a row opens into: the job's timeline, and its messages as each channel gets them. */
import { messageCard } from './channels.js';
import { moment } from './clock.js';
import { el, fill, inWords } from './elements.js';

/** Reads the details of a job, and shows them; what was shown before stays until then. */
export async function showDetails(body, { environment, jobId }) {
  if (body.childElementCount === 0) body.append(el('p.quiet', 'Reading …'));
  const details = await read(`/page-job?${new URLSearchParams({ environment, jobId })}`);
  if (details === null) return;
  fill(body, details, () => [
    el(
      'div.story',
      el('h3', 'What happened'),
      el('ol.timeline', ...details.timeline.map(momentItem)),
      el('p.quiet.mono', jobId),
    ),
    el('div.sent-messages', el('h3', 'What was sent'), ...messages(details.messages)),
  ]);
}

async function read(url) {
  try {
    const response = await fetch(url);
    return response.ok ? await response.json() : null;
  } catch {
    // The banner says that the notifier does not answer.
    return null;
  }
}

function momentItem({ at, tone, what, details }) {
  const time = at === null ? el('span.time') : el('time.time', moment(at));
  if (at !== null) time.dateTime = at;
  return el(
    `li.${tone}`,
    time,
    el('div', el('span.what', what), ...details.map((text) => el('span.detail', withTimes(text)))),
  );
}

/** Times in braces are ISO 8601: they are written as the reader writes them. */
const withTimes = (text) => text.replace(/\{([^{}]+)\}/g, (_, at) => moment(at));

function messages(list) {
  if (list.length === 0) return [el('p.quiet', 'Nothing has been sent about this job.')];
  return list.map((message) => {
    const outcome = inWords(message.outcome);
    return messageCard(message, message.state === 'sent' ? outcome : `${outcome}, not there yet`);
  });
}
