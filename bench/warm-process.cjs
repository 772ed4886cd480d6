/** A warm process: loads the file once, and hands it the events that it is sent. */

const { peakKilobytes } = require('./peak.cjs');

const [, , file] = process.argv;
const loaded = file.endsWith('.cjs') ? Promise.resolve(require(file)) : import(file);

process.on('message', async (event) => {
  const { handler } = await loaded;
  const deadline = Date.now() + 55_000;
  const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => deadline - Date.now() };
  const cpuBefore = process.cpuUsage();
  const begunAt = performance.now();
  const result = await handler(event, context);
  const wallMs = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  process.send({ wallMs, cpuMs: (user + system) / 1_000, peakKilobytes: peakKilobytes(), result });
});
