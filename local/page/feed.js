/** The latest messages of this machine's channels, newest first. */
import { messageCard } from './channels.js';
import { timeOfDay } from './clock.js';
import { byId } from './elements.js';
import { createHold } from './hold.js';

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

/** Shows one more, as soon as nobody reads. */
export function showMessage(message) {
  messages.push(message);
  messages.splice(0, messages.length - kept);
  hold.came();
}

const cards = new WeakMap();

function place() {
  for (const message of messages) {
    if (!cards.has(message)) cards.set(message, messageCard(message, timeOfDay(message.at)));
  }
  const items = messages.map((message) => cards.get(message)).reverse();
  const feed = byId('feed');
  for (const child of [...feed.children]) if (!items.includes(child)) child.remove();
  for (const item of [...items].reverse()) if (item.parentElement !== feed) feed.prepend(item);
  byId('no-messages').hidden = items.length > 0;
}
