/**
 * `npm run bench`: our figures next to the floor of this machine and to a plain baseline, and the cost of a month.
 * docs/performance.md explains each row.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { folder, makeBuilds } from './builds.ts';
import { countCalls, sampleItem } from './call-counts.ts';
import { coldStartRows } from './cold-start.ts';
import { commandRows } from './commands.ts';
import { costRows, costsOf } from './cost.ts';
import { printedCosts } from './cost-print.ts';
import { distantRows } from './distant.ts';
import { startNeighbours } from './neighbours/index.ts';
import { printed, type Row } from './result-row.ts';
import { sweepRows } from './sweep.ts';
import { timeToNotifyRows } from './time-to-notify.ts';
import { measureWarm } from './warm.ts';

const { values: options } = parseArgs({
  options: {
    /** Runs only these parts; all of them if none is given. */
    cold: { type: 'boolean', default: false },
    far: { type: 'boolean', default: false },
    sweep: { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    time: { type: 'boolean', default: false },
    commands: { type: 'boolean', default: false },
    /** Prints the results as JSON. They are also written to a file. */
    json: { type: 'boolean', default: false },
    /** The cold starts of each kind (far: half), and the warm sweeps with a slow API; with a fast one, four times as many. */
    rounds: { type: 'string', default: '20' },
    passes: { type: 'string', default: '9' },
  },
});

const all = !(options.cold || options.far || options.sweep || options.cost || options.time || options.commands);
const builds = await makeBuilds();
const sample = await sampleItem();
const neighbours = await startNeighbours(sample);
const rows: Row[] = [];
const text: string[] = [];
const results: Record<string, unknown> = { at: new Date().toISOString(), node: process.version, rows };

if (all || options.time) rows.push(...(await timeToNotifyRows()));
if (all || options.cold) rows.push(...(await coldStartRows(builds, neighbours, Number(options.rounds))));
if (all || options.far) rows.push(...(await distantRows(builds, sample, Number(options.rounds) / 2)));
if (all || options.sweep) rows.push(...(await sweepRows(builds, neighbours, sample, Number(options.passes))));
if (all || options.cost) {
  const warm = await measureWarm(builds, neighbours);
  rows.push(...warm.rows);
  const calls = await countCalls();
  const costs = await costsOf(calls, warm.cpu);
  Object.assign(results, { calls, costs });
  rows.push(...costRows(costs));
  text.push(printedCosts(costs, calls, warm.cpu));
}
neighbours.close();
if (all || options.commands) rows.push(...(await commandRows(Number(options.passes))));

const file = join(folder, 'results.json');
await writeFile(file, JSON.stringify(results, null, 2));
console.log(options.json ? JSON.stringify(results, null, 2) : [printed(rows), ...text].join('\n'));
if (!options.json) console.log(summary());

/** The number of targets that are met, and those that are missed. */
function summary(): string {
  const targets = rows.filter(({ met }) => met !== undefined);
  const missed = targets.filter(({ met }) => !met).map(({ group, figure }) => `  ${group}: ${figure}`);
  return [`\n${targets.length - missed.length} of ${targets.length} targets met. Missed:`, ...missed].join('\n');
}
