/** Cold starts: from the start of a process to the first response, with our bundles as they are deployed. */

import { type Builds, type FunctionName, functionNames } from './builds.ts';
import { eventFor } from './events.ts';
import type { Neighbours } from './neighbours/index.ts';
import type { Order } from './neighbours/server.ts';
import { type ColdRun, environmentOf, runCold } from './processes.ts';
import { type Row, rowOf } from './result-row.ts';
import type { Figures } from './statistics.ts';

/** Relative to the floor. */
const targets = { time: 1.2, memoryMb: 8, size: 1.25 };

/** Runs every variant once per round, so that the runs of a round are close in time. */
export async function coldStartRows(builds: Builds, neighbours: Neighbours, rounds: number): Promise<Row[]> {
  const env = await environmentOf(neighbours.urls);
  const cases = casesOf(builds);
  const runs = new Map<string, ColdRun[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, file, of, order } of cases) {
      await neighbours.be(order);
      const run = await runCold(file, eventFor(of), env);
      assertDone(name, run.answer, order);
      // The first round fills the caches of the machine.
      if (round > 0) runs.get(name)?.push(run);
    }
  }
  const figure = (name: string, member: 'answerMs' | 'loadMs' | 'cpuMs' | 'peakMb') =>
    (runs.get(name) ?? []).map((run) => run[member]);
  const figuresOf = (of: FunctionName, member: 'answerMs' | 'cpuMs' | 'peakMb', ended = false): Figures => ({
    ours: figure(`${of}${ended ? ' ended' : ''}`, member),
    floor: figure('floor', member),
    ...(ended ? {} : { baseline: figure(`baseline ${of}`, member) }),
    empty: figure('empty', member),
  });

  return functionNames.flatMap((name) => {
    const group = `Cold start, ${name}`;
    return [
      rowOf({ group, figure: 'start to response', unit: 'ms' }, figuresOf(name, 'answerMs'), {
        text: `<= ${targets.time} floor`,
        isMet: ({ toFloor = 0 }) => toFloor <= targets.time,
      }),
      rowOf({ group, figure: 'CPU until the response', unit: 'ms' }, figuresOf(name, 'cpuMs')),
      rowOf({ group, figure: 'peak resident memory', unit: 'MB' }, figuresOf(name, 'peakMb'), {
        text: `<= floor + ${targets.memoryMb} MB`,
        isMet: ({ ours, floor = 0 }) => ours <= floor + targets.memoryMb,
      }),
      rowOf({ group, figure: 'deployed code', unit: 'KB' }, sizesOf(builds, name), {
        text: `<= ${targets.size} floor`,
        isMet: ({ toFloor = 0 }) => toFloor <= targets.size,
      }),
      rowOf(
        { group, figure: 'start to response, job ended, both channels notified', unit: 'ms' },
        figuresOf(name, 'answerMs', true),
      ),
    ];
  });
}

interface Case {
  name: string;
  file: string;
  of: FunctionName;
  order: Order;
}

function casesOf({ ours, floor, baseline }: Builds): Case[] {
  const orderOf = (of: FunctionName, status: Order['status'] = 'Running'): Order => ({
    watched: of === 'sweep' ? 1 : 0,
    status,
    latencyMs: 0,
  });
  return [
    { name: 'floor', file: floor.function.file, of: 'event', order: orderOf('event') },
    { name: 'empty', file: floor.empty.file, of: 'event', order: orderOf('event') },
    ...functionNames.flatMap((of): Case[] => [
      { name: of, file: ours[of].file, of, order: orderOf(of) },
      { name: `${of} ended`, file: ours[of].file, of, order: orderOf(of, 'Completed') },
      { name: `baseline ${of}`, file: baseline[of].file, of, order: orderOf(of) },
    ]),
  ];
}

const sizesOf = ({ ours, floor, baseline }: Builds, name: FunctionName): Figures => ({
  ours: [ours[name].bytes / 1024],
  floor: [floor.function.bytes / 1024],
  baseline: [baseline[name].bytes / 1024],
  empty: [floor.empty.bytes / 1024],
});

/** A function that fails fast does not count. */
export function assertDone(name: string, answer: Record<string, unknown>, { status }: Order): void {
  const body = 'body' in answer ? JSON.parse(String(answer['body'])) : answer;
  const isDone = name === 'empty' || body.status === status || body.checked === 1;
  if (!isDone) throw new Error(`${name} did not do its work: ${JSON.stringify(answer)}`);
}
