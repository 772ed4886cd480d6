/**
 * Cold and warm invocations when services are far away, over real TLS. Calls that wait for one another without need show
 * only here: the other neighbours answer at once.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificate } from '../test/platform/certificate.ts';
import { type Builds, type FunctionName, folder } from './builds.ts';
import { assertDone } from './cold-start.ts';
import { eventFor } from './events.ts';
import { startNeighbours } from './neighbours/index.ts';
import type { Distant, Order } from './neighbours/server.ts';
import type { Item } from './neighbours/table.ts';
import { environmentOf, runCold, startWarm } from './processes.ts';
import { type Row, rowOf } from './result-row.ts';
import type { Figures } from './statistics.ts';

/** Slack is as far away as Sitecore. */
const roundTripMs: Distant['roundTripMs'] = { aws: 5, api: 60, token: 60, slack: 60 };

/** Relative to the critical path. */
const targets = { cold: 1.15, warm: 1.1 };

type Case = { figure: string; of: FunctionName; order: Order };

const caseOf = (figure: string, of: FunctionName, status: Order['status']): Case => ({
  figure,
  of,
  order: { watched: of === 'sweep' ? 1 : 0, status, latencyMs: 0 },
});

const cold = [
  caseOf('webhook, start to response', 'webhook', 'Running'),
  caseOf('event, start to response', 'event', 'Running'),
  caseOf('sweep, start to response', 'sweep', 'Running'),
  caseOf('webhook, start to response, job ended', 'webhook', 'Completed'),
];
const warm = caseOf('POST /jobs of a job that ended, both channels notified', 'webhook', 'Completed');

export async function distantRows(builds: Builds, sample: Item, rounds: number): Promise<Row[]> {
  const certificate = makeCertificate();
  const neighbours = await startNeighbours(sample, { certificate, roundTripMs });
  const trusted = join(folder, 'certificate.pem');
  await writeFile(trusted, certificate.cert);
  const env = { ...(await environmentOf(neighbours.urls)), NODE_EXTRA_CA_CERTS: trusted };
  const filesOf = (of: FunctionName) => ({ ours: builds.ours[of].file, floor: builds.floor.path.file });

  /** The milliseconds of each variant, in turns. The first round fills the caches of the machine. */
  const measure = async ({ figure, of, order }: Case, run: (variant: 'ours' | 'floor') => Promise<Run>) => {
    const figures: Figures = { ours: [], floor: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const variant of ['ours', 'floor'] as const) {
        await neighbours.be(order);
        const { ms, answer } = await run(variant);
        assertDone(`${figure}, ${variant}, of ${of}`, answer, order);
        if (round > 0) figures[variant]?.push(ms);
      }
    }
    return figures;
  };

  const rows: Row[] = [];
  for (const one of cold) {
    const figures = await measure(one, async (variant) => {
      const { answerMs: ms, answer } = await runCold(filesOf(one.of)[variant], eventFor(one.of), env);
      return { ms, answer };
    });
    rows.push(rowFor('Cold start, services far away', one, figures, targets.cold));
  }

  const files = filesOf(warm.of);
  const processes = { ours: startWarm(files.ours, env), floor: startWarm(files.floor, env) };
  const figures = await measure(warm, async (variant) => {
    const { wallMs: ms, result: answer } = await processes[variant].run(eventFor(warm.of));
    return { ms, answer };
  });
  for (const process of Object.values(processes)) process.close();
  rows.push(rowFor('Warm invocation, services far away', warm, figures, targets.warm));
  neighbours.close();
  return rows;
}

interface Run {
  ms: number;
  answer: Record<string, unknown>;
}

const rowFor = (group: string, { figure }: Case, figures: Figures, most: number): Row =>
  rowOf({ group, figure, unit: 'ms' }, figures, {
    text: `<= ${most} floor`,
    isMet: ({ toFloor = 0 }) => toFloor <= most,
  });
