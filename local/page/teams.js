/** A Teams message as Teams shows it: its Adaptive Card. What is shown of a card are the elements that the channel uses. */
import { el, link } from './elements.js';

export function teamsMessage({ payload }) {
  const card = payload.attachments?.[0].content ?? payload;
  const actions = (card.actions ?? []).map(({ title, url }) => link(url, title));
  return [el('div.teams', ...card.body.map(elementOf), ...(actions.length > 0 ? [el('div.actions', ...actions)] : []))];
}

function elementOf({ type, style = 'default', items, inlines, text }) {
  switch (type) {
    case 'Container':
      return el(`div.container.${style}`, ...items.map(elementOf));
    case 'RichTextBlock':
      return el('p', ...inlines.map(runOf));
    default:
      return el('p.mention', text.replace(/<at>(.*?)<\/at>/g, '@$1'));
  }
}

const runOf = ({ text, weight, size, isSubtle }) =>
  el(
    ['span', weight === 'Bolder' && 'bolder', size === 'Large' && 'large', isSubtle && 'quiet']
      .filter(Boolean)
      .join('.'),
    text,
  );
