/** Messages as elements of the page. */
import { parseMrkdwn } from './mrkdwn.ts';
import { clockTime, el } from './page-elements.js';

/** A message as Slack shows it in a channel. */
export function slackMessage({ hook, at, payload }) {
  const app = el('span.app', 'APP');
  const sender = el(
    'p',
    el('span.sender', 'Publishing jobs'),
    app,
    el('span.quiet.small', `${clockTime(at)} in #${hook}`),
  );
  const blocks = payload.blocks?.map(blockOf) ?? [el('p.block-section', ...mrkdwn(payload.text ?? ''))];
  return el('article.slack', el('span.avatar', 'P'), el('div', sender, ...blocks));
}

/** A message of the topic: the text for people and, folded away, the document for systems. */
export function topicMessage({ at, subject, attributes, email, document }) {
  const chips = Object.entries(attributes).map(([name, value]) => el('code', `${name}=${value}`));
  const machines = el(
    'details',
    el('summary', 'JSON document and attributes, for systems'),
    el('div.attributes', ...chips),
    el('pre.document', indented(document)),
  );
  const head = el('p.quiet.small', `${clockTime(at)} by email, for people`);
  return el('article', head, el('p.subject', subject ?? ''), el('pre', email), machines);
}

function blockOf(block) {
  switch (block.type) {
    case 'header':
      return el('p.block-header', ...textOf(block.text));
    case 'divider':
      return el('hr');
    case 'context':
      return el('div.block-context', ...block.elements.map((element) => el('span', ...textOf(element))));
    case 'actions':
      return el('div.block-actions', ...block.elements.map(({ text, url }) => link(url, text.text)));
    default:
      return el(
        'div',
        block.text ? el('p.block-section', ...textOf(block.text)) : '',
        block.fields ? el('div.fields', ...block.fields.map((field) => el('div', ...textOf(field)))) : '',
      );
  }
}

const textOf = ({ type, text }) => (type === 'mrkdwn' ? mrkdwn(text) : [text]);
const mrkdwn = (text) => parseMrkdwn(text).map(elementOf);

const selectors = { mention: 'span.mention', pre: 'pre.document' };

function elementOf(piece) {
  if (typeof piece === 'string') return piece;
  const children = piece.pieces.map(elementOf);
  return piece.href ? link(piece.href, ...children) : el(selectors[piece.tag] ?? piece.tag, ...children);
}

function link(href, ...children) {
  return Object.assign(el('a', ...children), { href, target: '_blank', rel: 'noopener noreferrer' });
}

function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
