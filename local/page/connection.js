/** The stream of events, and whether it is alive. That it is not cannot be missed: a banner, and everything stands still. */
import { hear, now, stop, timeOfDay } from './clock.js';
import { byId } from './elements.js';

/** Listens to the server's events; each of `handlers` gets what its event brought. */
export function connect(handlers) {
  const live = new EventSource('/live');
  let silence;

  const alive = (time) => {
    hear(time);
    show(true);
    clearTimeout(silence);
    // A server that hangs closes nothing.
    silence = setTimeout(lost, 3 * beatMs);
  };
  let beatMs = 2000;
  const lost = () => {
    if (!document.body.classList.contains('offline')) stop();
    show(false);
  };

  live.addEventListener('state', ({ data }) => {
    const state = JSON.parse(data);
    beatMs = state.beatMs;
    alive(state.now);
    handlers.state(state);
  });
  live.addEventListener('beat', ({ data }) => alive(Number(data)));
  for (const [event, handle] of Object.entries(handlers)) {
    if (event !== 'state') live.addEventListener(event, ({ data }) => handle(JSON.parse(data)));
  }
  live.onerror = lost;
}

const { title } = document;

function show(isLive) {
  const { classList } = document.body;
  if (classList.contains(isLive ? 'online' : 'offline')) return;
  classList.toggle('online', isLive);
  classList.toggle('offline', !isLive);
  byId('connection').textContent = isLive ? 'Live' : 'Not connected';
  byId('lost').hidden = isLive;
  // A tab in the background shows nothing else.
  document.title = isLive ? title : `Not connected: ${title}`;
  if (!isLive) {
    byId('lost-text').textContent =
      `The notifier on this machine has not answered since ${timeOfDay(now())}. What you see is as of then. ` +
      'Start it again with npm start: it goes on where it stopped, and this page connects by itself.';
  }
}
