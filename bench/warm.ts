/** Single invocations in a process that stays alive. The monthly cost of the functions follows from these. */

import type { Builds, FunctionName } from './builds.ts';
import { eventFor } from './events.ts';
import type { Neighbours } from './neighbours/index.ts';
import type { Order } from './neighbours/server.ts';
import { environmentOf, startWarm } from './processes.ts';
import { type Row, rowOf } from './result-row.ts';
import { type Figures, median } from './statistics.ts';

/** The invocations, and the state of the services during each. */
const cases = {
  idleSweep: { name: 'sweep with nothing to do', of: 'sweep', order: { watched: 0, status: 'Running' } },
  unchangedSweep: { name: 'sweep of one job that runs', of: 'sweep', order: { watched: 1, status: 'Running' } },
  lastSweep: {
    name: 'sweep of one job that ended, both channels notified',
    of: 'sweep',
    order: { watched: 1, status: 'Completed' },
  },
  firstSeen: { name: 'POST of a new job that runs', of: 'webhook', order: { watched: 0, status: 'Running' } },
} as const satisfies Record<string, { name: string; of: FunctionName; order: Omit<Order, 'latencyMs'> }>;

/** The CPU time of each invocation, and of each further job that a sweep checks, in milliseconds. */
export type WarmCpu = Record<keyof typeof cases | 'furtherCheck', number>;

/** A deployed process is invoked once a minute and is never as warm as one in a loop, so only the first runs count. */
const invocations = 20;

export async function measureWarm(builds: Builds, neighbours: Neighbours): Promise<{ rows: Row[]; cpu: WarmCpu }> {
  const env = await environmentOf(neighbours.urls, { discover: true });
  const measured: [string, Row][] = [];
  for (const [key, { name, of, order }] of Object.entries(cases)) {
    const processes = {
      ours: startWarm(builds.ours[of].file, env),
      baseline: startWarm(builds.baseline[of].file, env),
    };
    const figures: Figures = { ours: [], baseline: [] };
    for (let run = 0; run <= invocations; run++) {
      for (const [variant, process] of Object.entries(processes)) {
        await neighbours.be({ ...order, latencyMs: 0 });
        const { cpuMs } = await process.run(eventFor(of));
        if (run > 0) figures[variant]?.push(cpuMs);
      }
    }
    for (const process of Object.values(processes)) process.close();
    measured.push([key, rowOf({ group: 'Warm invocation, CPU', figure: name, unit: 'ms' }, figures)]);
  }
  const cpu = Object.fromEntries(measured.map(([key, { ours }]) => [key, ours])) as WarmCpu;
  const furtherCheck = (await cpuOfManyChecks(builds, neighbours)) - cpu.unchangedSweep / 1_000;
  return { rows: measured.map(([, row]) => row), cpu: { ...cpu, furtherCheck } };
}

/** CPU milliseconds of a check among 1,000. */
async function cpuOfManyChecks(builds: Builds, neighbours: Neighbours): Promise<number> {
  const watched = 1_000;
  const process = startWarm(builds.ours.sweep.file, await environmentOf(neighbours.urls, { checks: watched }));
  const runs: number[] = [];
  for (let run = 0; run < 6; run++) {
    await neighbours.be({ watched, status: 'Running', latencyMs: 0 });
    runs.push((await process.run()).cpuMs / watched);
  }
  process.close();
  return median(runs);
}
