/** The latest messages of this machine's channels, newest first. */
import { messageCard } from './channels.js';
import { timeOfDay } from './clock.js';
import { byId } from './elements.js';
import { createHold } from './hold.js';
import { isInChannel, threadOf } from './slack-app.js';

const kept = 30;
let messages = [];
let hold;

/** Prepares the feed. Channels that lie elsewhere show their own messages. */
export function setUpFeed({ localChannels }) {
  byId('feed-section').hidden = localChannels.length === 0;
  // It scrolls, by keyboard too.
  byId('feed').tabIndex = 0;
  hold = createHold({
    list: byId('feed'),
    button: byId('new-messages'),
    words: ['message', 'messages'],
    apply: place,
  });
}

/** Shows the messages so far. */
export function showMessages(sofar) {
  messages = sofar;
  place();
}

/** Shows one more, or another state of one, as soon as nobody reads. */
export function showMessage(message) {
  const before = messages.findIndex(({ change }) => change && change.id === message.change?.id);
  if (before >= 0) messages[before] = message;
  else messages.push(message);
  messages.splice(0, messages.length - kept);
  hold.came();
}

const cards = new WeakMap();

/** A message is made anew when it, or its thread, has changed. */
function cardOf(message) {
  const { replies, parent } = threadOf(message, messages);
  const thread = [parent, ...replies];
  const known = cards.get(message);
  if (known?.thread.length === thread.length && thread.every((one, at) => one === known.thread[at])) return known.card;
  const card = messageCard({ ...message, replies, parent }, timeOfDay(message.at));
  cards.set(message, { card, thread });
  return card;
}

function place() {
  const items = messages.filter(isInChannel).map(cardOf).reverse();
  const feed = byId('feed');
  for (const child of [...feed.children]) if (!items.includes(child)) child.remove();
  let after = null;
  for (const item of [...items].reverse()) {
    if (item.parentElement !== feed || item.nextElementSibling !== after) feed.insertBefore(item, after);
    after = item;
  }
  byId('no-messages').hidden = items.length > 0;
}
