/** `npm run test:guarantees`: the long form of the guarantees suite, as a table. Fails if anything was lost or repeated. */

// Importing a function makes its dependencies, so it needs valid variables. The suite brings its own dependencies.
process.env['TABLE_NAME'] = 'publishing-jobs';
process.env['AWS_REGION'] = 'eu-west-1';
process.env['NOTIFIER_CONFIG'] = JSON.stringify({
  environments: { production: { clientId: 'id', clientSecret: 'secret' } },
  channels: { team: { type: 'slack', webhookUrl: 'https://hooks.slack.invalid/services/T/B/X' } },
  webhook: { secrets: ['webhook-secret'] },
});

const { runKills } = await import('../test/guarantees/kill.ts');
const { apiAway, replayedAfterwards, scheduleOff, slackAway, tableThrottled } = await import(
  '../test/guarantees/outages.ts'
);
const { runSigkills } = await import('../test/guarantees/sigkill.ts');
const { runSimulation } = await import('../test/guarantees/simulation.ts');

interface Row {
  what: string;
  tried: number;
  expected: number;
  sent: number;
  lost: number;
  repeated: number;
  unavoidable: number;
}

const rows: Row[] = [];
const add = (
  what: string,
  tried: number,
  { expected, sent, lost, repeated }: { expected: number; sent: number; lost: number; repeated: number },
  unavoidably = 0,
): void => {
  rows.push({ what, tried, expected, sent, lost, repeated, unavoidable: unavoidably });
  console.error(`${what}: done`);
};

const kills = await runKills();
add('killed at every call (points)', kills.points, kills, kills.repeatedUnavoidably);
const sigkills = await runSigkills({ runs: Number(process.env['SIGKILL_RUNS'] ?? 300) });
add('SIGKILL at random moments (runs)', sigkills.runs, sigkills, sigkills.repeatedUnavoidably);
const simulation = await runSimulation({ runs: Number(process.env['SIMULATION_RUNS'] ?? 30_000) });
add('many workers, simulated (runs)', simulation.runs, simulation, simulation.repeatedUnavoidably);
for (const outage of [slackAway, apiAway, tableThrottled, scheduleOff, replayedAfterwards]) {
  const figures = await outage();
  add(figures.name, 1, figures);
}

console.table(Object.fromEntries(rows.map(({ what, ...row }) => [what, row])));
console.log('Unavoidable repetitions, by the call at which the worker died:');
for (const [hole, count] of Object.entries(kills.holes)) console.log(`  ${hole} (${count})`);

const sentences = [...kills.broken, ...sigkills.broken];
for (const sentence of sentences) console.log(sentence);
const isKept = sentences.length === 0 && rows.every(({ lost, repeated }) => lost === 0 && repeated === 0);
console.log(isKept ? 'No message was lost, and only unavoidable repetitions occurred.' : 'The promise is broken.');
process.exitCode = isKept ? 0 : 1;
