/** The page's time is the server's: it stands still when the server does. */

let serverTime = Date.now();
let heardAt = performance.now();
let isRunning = false;
const onTicks = new Set();

/** The server's time now (epoch milliseconds), or that of its last sign of life. */
export const now = () => (isRunning ? serverTime + performance.now() - heardAt : serverTime);

/** The server has said what time it is. */
export function hear(time) {
  serverTime = time;
  heardAt = performance.now();
  isRunning = true;
}

/** The server is not heard any more. */
export function stop() {
  serverTime = now();
  isRunning = false;
}

/** Calls this every second while the time goes on. */
export const onTick = (tick) => onTicks.add(tick);

setInterval(() => {
  if (isRunning) for (const tick of onTicks) tick();
}, 1000);

/** A time of day as the reader writes it. */
export const timeOfDay = (at) => new Date(at).toLocaleTimeString([], { timeStyle: 'medium' });

/** A moment: the time of day, and the date if that is another one than today. */
export function moment(at) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(now()).toDateString();
  return isToday
    ? timeOfDay(at)
    : `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${timeOfDay(at)}`;
}

/** A span of milliseconds in words: `2 min 5 s`. */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
