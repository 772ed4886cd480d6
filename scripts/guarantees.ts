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
const { slackAppScenarios } = await import('../test/guarantees/kill-scenarios.ts');
const { apiAway, replayedAfterwards, scheduleOff, slackAway, tableThrottled } = await import(
  '../test/guarantees/outages.ts'
);
const { runSigkills } = await import('../test/guarantees/sigkill.ts');
const { runSimulation } = await import('../test/guarantees/simulation.ts');
const { planOfSlackApp } = await import('../test/guarantees/simulation-plan.ts');

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
const runs = Number(process.env['SIMULATION_RUNS'] ?? 30_000);
const simulation = await runSimulation({ runs });
add('many workers, simulated (runs)', simulation.runs, simulation, simulation.repeatedUnavoidably);

// The Slack app, counted apart: no repetition is excused. A simulation throws at the first one.
const roomKills = await runKills({ scenarios: slackAppScenarios });
add('slack-app: killed at every call (points)', roomKills.points, roomKills, roomKills.repeatedUnavoidably);
const { room } = sigkills;
add('slack-app: SIGKILL at random moments (runs)', sigkills.runs, room, room.repeatedUnavoidably);
const rooms = await runSimulation({ runs: Math.ceil(runs / 3), plans: planOfSlackApp });
const inRooms = { expected: rooms.expectedInRoom, sent: rooms.sentInRoom, lost: 0, repeated: 0 };
add('slack-app: answers of Slack lost (runs)', rooms.runs, inRooms);

for (const outage of [slackAway, apiAway, tableThrottled, scheduleOff, replayedAfterwards]) {
  const figures = await outage();
  add(figures.name, 1, figures);
}

console.table(Object.fromEntries(rows.map(({ what, ...row }) => [what, row])));
console.log('Unavoidable repetitions, by the call at which the worker died:');
for (const [hole, count] of Object.entries(kills.holes)) console.log(`  ${hole} (${count})`);

const sentences = [...kills.broken, ...roomKills.broken, ...sigkills.broken];
for (const sentence of sentences) console.log(sentence);
const isOnce = ({ what, unavoidable }: Row): boolean => !what.startsWith('slack-app') || unavoidable === 0;
const isKept = sentences.length === 0 && rows.every((row) => row.lost === 0 && row.repeated === 0 && isOnce(row));
console.log(isKept ? 'No message was lost, and only unavoidable repetitions occurred.' : 'The promise is broken.');
process.exitCode = isKept ? 0 : 1;
