/** A warm process: loads the file once, and hands it the events that it is sent. */

const { peakKilobytes } = require('./peak.cjs');

const [, , file] = process.argv;
const loaded = file.endsWith('.cjs') ? Promise.resolve(require(file)) : import(file);

/** What the heap still holds after a collection, at most, while some work goes on. Collecting slows the work down. */
function watchHeap() {
  let mostBytes = 0;
  const look = () => {
    globalThis.gc();
    mostBytes = Math.max(mostBytes, process.memoryUsage().heapUsed);
  };
  const timer = setInterval(look, 50);
  return () => {
    clearInterval(timer);
    return mostBytes / 1024;
  };
}

process.on('message', async ({ event, watchesHeap }) => {
  const { handler } = await loaded;
  const deadline = Date.now() + 55_000;
  const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => deadline - Date.now() };
  const stopWatching = watchesHeap ? watchHeap() : () => null;
  const cpuBefore = process.cpuUsage();
  const begunAt = performance.now();
  const result = await handler(event, context);
  const wallMs = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  const liveKilobytes = stopWatching();
  process.send({ wallMs, cpuMs: (user + system) / 1_000, peakKilobytes: peakKilobytes(), liveKilobytes, result });
});
