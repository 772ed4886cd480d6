/** A Slack message: its blocks, its attachments with their colour bars, or else its text. */
import { el, link } from './elements.js';
import { parseMrkdwn } from './mrkdwn.js';

export function slackMessage({ text, payload }) {
  const { blocks, attachments = [] } = payload;
  const body = blocks
    ? blocks.map(blockOf)
    : payload.text || attachments.length === 0
      ? [el('p', ...mrkdwn(payload.text ?? text))]
      : [];
  const sender = el('p.sender', el('b', 'Publishing jobs'), ' ', el('span.app', 'APP'));
  const avatar = el('span.avatar', 'P');
  avatar.setAttribute('aria-hidden', 'true');
  return [el('div.slack', avatar, el('div', sender, ...body, ...attachments.map(attachment)))];
}

function attachment({ color, blocks, text, fallback }) {
  const element = el(
    'div.attachment',
    ...(blocks ? blocks.map(blockOf) : [el('p', ...mrkdwn(text ?? fallback ?? ''))]),
  );
  if (/^#[0-9a-f]{6}$/i.test(color ?? '')) element.style.borderColor = color;
  return element;
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
        ...(block.text ? [el('p', ...textOf(block.text))] : []),
        ...(block.fields ? [el('div.fields', ...block.fields.map((field) => el('div', ...textOf(field))))] : []),
      );
  }
}

const textOf = ({ type, text }) => (type === 'mrkdwn' ? mrkdwn(text) : [text ?? '']);
const mrkdwn = (text) => parseMrkdwn(text).map(elementOf);

const selectors = { mention: 'span.mention', pre: 'pre.document' };

function elementOf(piece) {
  if (typeof piece === 'string') return piece;
  const children = piece.pieces.map(elementOf);
  return piece.href ? link(piece.href, ...children) : el(selectors[piece.tag] ?? piece.tag, ...children);
}
