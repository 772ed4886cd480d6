/**
 * Messages as their channels show them: one function per channel type. A type without one is shown as its text and its
 * JSON, so that the page can show any channel there is.
 */
import { json } from './document.js';
import { el } from './elements.js';
import { slackMessage } from './slack.js';
import { snsMessage } from './sns.js';
import { teamsMessage } from './teams.js';

/** Each gets a message (`text`, `payload`), and gives the elements that show it. */
const renderers = {
  slack: slackMessage,
  'slack-app': slackMessage,
  sns: snsMessage,
  teams: teamsMessage,
  webhook: ({ payload }) => [json('JSON document', payload)],
};

/** A message with its channel, and `note` beside that. */
export function messageCard({ channel, type, text, payload }, note) {
  const render = renderers[type] ?? anyMessage;
  const head = el('p.card-head', el('span.channel', channel), el('span.quiet', type), el('span.quiet.note', note));
  return el('article.card', head, ...render({ text, payload }));
}

const anyMessage = ({ text, payload }) => [el('pre.plain', text), json('What is sent', payload)];
