/** The banner: what does not work, since when, why, and what to do. */
import { moment } from './clock.js';
import { byId, el, fill } from './elements.js';

/** Shows these troubles; none hides the banner. */
export function showTroubles(troubles) {
  byId('troubles').hidden = troubles.length === 0;
  fill(byId('troubles-list'), troubles, () => troubles.map(item));
}

const item = ({ kind, name, reason, since, remedy }) =>
  el(
    'li',
    el('b', `${kind === 'channel' ? 'Channel' : 'Environment'} ${name} does not work`),
    since ? ` since ${moment(since)}. ` : '. ',
    el('span.reason', /[.!?]$/.test(reason) ? reason : `${reason}.`),
    el('span.remedy', ` ${remedy}`),
  );
