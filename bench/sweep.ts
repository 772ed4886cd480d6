/** Sweeps over watched running jobs: throughput, CPU, memory, and calls to the services. */

import type { Builds } from './builds.ts';
import type { Neighbours } from './neighbours/index.ts';
import type { Asked } from './neighbours/server.ts';
import { entryOf, type Item, sizeOf } from './neighbours/table.ts';
import { environmentOf, startWarm, type WarmRun } from './processes.ts';
import { type Row, rowOf } from './result-row.ts';
import type { Figures } from './statistics.ts';

const targets = { throughput: 0.9, cpu: 1.5, memoryMb: 16, indexBytes: 300 };
type Variant = 'floor' | 'ours' | 'baseline';

/** The first sweeps of a process include compilation; a deployed process sweeps every minute. */
const warmUp = 2;

interface Scene {
  watched: number;
  latencyMs: number;
  concurrency: number;
}

/** The rows of 1,000 jobs, over several passes, and those of 10,000, each in fresh processes and once. */
export async function sweepRows(builds: Builds, neighbours: Neighbours, sample: Item, passes: number): Promise<Row[]> {
  const files = { floor: builds.floor.loop.file, ours: builds.ours.sweep.file, baseline: builds.baseline.sweep.file };
  const scenes = [20, 0].flatMap((latencyMs) => [20, 50].map((concurrency) => ({ latencyMs, concurrency })));

  const rows: Row[] = [];
  for (const scene of scenes) {
    // Short runs vary more, and several of them take no longer.
    const runsOfScene = scene.latencyMs === 0 ? 4 * passes : passes;
    const { runs } = await measure(files, neighbours, { ...scene, watched: 1_000 }, warmUp + runsOfScene);
    rows.push(...speedRows({ ...scene, watched: 1_000 }, runs.slice(warmUp)));
  }
  const large = [];
  const { baseline: _, ...withoutBaseline } = files;
  for (const [index, scene] of scenes.entries()) {
    // The memory of the baseline is measured once.
    const some = index === 0 ? files : withoutBaseline;
    const measured = await measure(some, neighbours, { ...scene, watched: 10_000 }, 1);
    large.push(measured);
    rows.push(...speedRows({ ...scene, watched: 10_000 }, measured.runs, { once: true }));
  }
  const small = [];
  for (let round = 0; round < 3; round++) {
    const few = { watched: 100, latencyMs: 20, concurrency: 20 };
    small.push(...(await measure(files, neighbours, few, 1)).runs);
  }
  const live = [];
  for (const watched of [100, 10_000]) {
    const scene = { watched, latencyMs: 20, concurrency: 50 };
    live.push((await measure(withoutBaseline, neighbours, scene, 1, { watchesHeap: true })).runs);
  }
  const [liveSmall = [], liveLarge = []] = live;
  const peaks = memoryRows('peak resident', small, large[0]?.runs ?? [], ({ peakMb }) => peakMb);
  const lives = memoryRows('heap in use', liveSmall, liveLarge, ({ liveMb }) => liveMb);
  return [...rows, ...peaks, ...lives, ...countRows(large[0]?.asked ?? {}, 10_000, sample)];
}

/** The runs of all variants, one after another. */
type Pass = Partial<Record<Variant, WarmRun>>;

/** Runs a sweep of every variant in turn, each in a process of its own. */
async function measure(
  files: Partial<Record<Variant, string>>,
  neighbours: Neighbours,
  { watched, latencyMs, concurrency }: Scene,
  passes: number,
  options: { watchesHeap?: boolean } = {},
): Promise<{ runs: Pass[]; asked: Asked }> {
  const env = await environmentOf(neighbours.urls, { concurrency, checks: watched });
  const processes = Object.entries(files).map(([variant, file]) => ({
    variant: variant as Variant,
    process: startWarm(file, env),
  }));
  const order = { watched, latencyMs, status: 'Running' } as const;
  const runs: Pass[] = [];
  let askedByUs: Asked = {};
  for (let pass = 0; pass < passes; pass++) {
    const runsOfPass: [Variant, WarmRun][] = [];
    for (const { variant, process } of processes) {
      await neighbours.be(order);
      const run = await process.run({}, options);
      if (run.result['checked'] !== watched)
        throw new Error(`${variant} checked ${run.result['checked']} of ${watched}`);
      const asked = await neighbours.be(order);
      if (variant === 'ours') askedByUs = asked;
      runsOfPass.push([variant, run]);
    }
    runs.push(Object.fromEntries(runsOfPass) as Pass);
  }
  for (const { process } of processes) process.close();
  return { runs, asked: askedByUs };
}

const figuresOf = (runs: Pass[], figure: (run: WarmRun) => number): Figures =>
  Object.fromEntries(
    (Object.keys(runs[0] ?? {}) as Variant[]).map((variant) => [
      variant,
      runs.flatMap(({ [variant]: run }) => (run ? [figure(run)] : [])),
    ]),
  );

function speedRows({ watched, latencyMs, concurrency }: Scene, runs: Pass[], { once = false } = {}): Row[] {
  const group = `Sweep by id, ${watched} jobs, API ${latencyMs} ms, ${concurrency} at once${once ? ' (once, cold)' : ''}`;
  const isTarget = !once && latencyMs === 20;
  return [
    rowOf(
      { group, figure: 'checks a second', unit: '/s' },
      figuresOf(runs, ({ wallMs }) => (watched / wallMs) * 1_000),
      isTarget
        ? { text: `>= ${targets.throughput} floor`, isMet: ({ toFloor = 0 }) => toFloor >= targets.throughput }
        : undefined,
    ),
    rowOf(
      { group, figure: 'CPU per unchanged check', unit: 'us' },
      figuresOf(runs, ({ cpuMs }) => (cpuMs / watched) * 1_000),
      once ? undefined : { text: `<= ${targets.cpu} floor`, isMet: ({ toFloor = 0 }) => toFloor <= targets.cpu },
    ),
  ];
}

function memoryRows(what: string, small: Pass[], large: Pass[], figure: (run: WarmRun) => number): Row[] {
  const group = 'Sweep by id, memory of a fresh process';
  const few = rowOf({ group, figure: `${what}, 100 jobs`, unit: 'MB' }, figuresOf(small, figure));
  const many = rowOf({ group, figure: `${what}, 10,000 jobs`, unit: 'MB' }, figuresOf(large, figure));
  const more = (of: Variant) => (many[of] ?? Number.NaN) - (few[of] ?? Number.NaN);
  return [
    few,
    many,
    {
      group,
      figure: `${what}, 10,000 jobs over 100`,
      unit: 'MB',
      ours: more('ours'),
      floor: more('floor'),
      ...(few.baseline ? { baseline: more('baseline') } : {}),
      target: `<= ${targets.memoryMb} MB`,
      met: more('ours') <= targets.memoryMb,
    },
  ];
}

function countRows(asked: Asked, watched: number, sample: Item): Row[] {
  const group = `Sweep by id, calls for ${watched} unchanged jobs`;
  const writes = ['UpdateItem', 'PutItem', 'DeleteItem'].reduce((sum, name) => sum + (asked[name] ?? 0), 0);
  const indexBytes = sizeOf(entryOf(sample));
  return [
    { group, figure: 'writes', unit: '', ours: writes, target: '0', met: writes === 0 },
    { group, figure: 'pages of the work list', unit: '', ours: asked['Query'] ?? 0 },
    { group, figure: 'reads of marks', unit: '', ours: asked['BatchGetItem'] ?? 0 },
    { group, figure: 'reads of items', unit: '', ours: asked['GetItem'] ?? 0 },
    { group, figure: 'GETs of the API', unit: '', ours: asked['job'] ?? 0, floor: watched },
    {
      group,
      figure: 'index per watched job',
      unit: 'bytes',
      ours: indexBytes,
      target: `<= ${targets.indexBytes} bytes`,
      met: indexBytes <= targets.indexBytes,
    },
  ];
}
