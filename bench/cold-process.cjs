/**
 * Starts as Lambda starts a function: loads the file, hands it the event, and says on file descriptor 3 when the answer
 * was there. CommonJS, because loading node:http for an ES module would itself cost what is to be measured.
 */

const { writeSync } = require('node:fs');
const { peakKilobytes } = require('./peak.cjs');

// Lambda's runtime writes the lines of a log itself, where Node would first make a stream: 2 ms.
console.log = (line) => writeSync(1, `${line}\n`);

const [, , file, event] = process.argv;
const context = { awsRequestId: 'request-1', functionName: 'bench', getRemainingTimeInMillis: () => 55_000 };

async function run() {
  const { handler } = file.endsWith('.cjs') ? require(file) : await import(file);
  const loadedAt = process.hrtime.bigint();
  const answer = await handler(JSON.parse(event), context);
  const answeredAt = process.hrtime.bigint();
  const { user, system } = process.cpuUsage();
  const said = {
    loadedAt: String(loadedAt),
    answeredAt: String(answeredAt),
    cpuMs: (user + system) / 1_000,
    peakKilobytes: peakKilobytes(),
    answer,
  };
  writeSync(3, JSON.stringify(said));
  process.exit();
}

run();
