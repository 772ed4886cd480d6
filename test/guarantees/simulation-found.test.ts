/** Bugs that simulations found: one plan each, with the turns taken in many orders. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runSimulation } from './simulation.ts';
import { type Plan, untilIdle } from './simulation-plan.ts';

const quiet: Plan = {
  offsetsMs: [0],
  beginnings: ['running', 'unknown', 'running'],
  commands: [],
  leftover: 'none',
  endings: ['completed', 'completed', 'completed'],
};
const [job, jobOfStaging] = [0, 2];

const found: [string, Partial<Plan>][] = [
  [
    'a sweep that fails to read the next page of the work list stores the receipts of its messages',
    {
      commands: [
        { do: 'deploy', what: 'withoutFifo', steps: untilIdle },
        { do: 'webhook', job, steps: untilIdle },
        { do: 'change', job, state: 'completed' },
        { do: 'trouble', mishap: { where: 'list', what: 'failed' }, after: 1, times: 1 },
        { do: 'sweep', steps: untilIdle },
        // The next deployment starts new processes: responses that this one still waits for are never read.
        { do: 'deploy', what: 'all', steps: untilIdle },
      ],
    },
  ],
  [
    'a message that is pending when its environment is removed is sent, and its job goes on when that is back',
    {
      beginnings: ['queued', 'queued', 'queued'],
      commands: [
        { do: 'deploy', what: 'all', steps: untilIdle },
        { do: 'webhook', job: jobOfStaging, steps: untilIdle },
        { do: 'trouble', mishap: { where: 'slack', what: 'lost' }, after: 0, times: 1 },
        { do: 'minute', steps: untilIdle },
        { do: 'deploy', what: 'withoutStaging', steps: untilIdle },
        { do: 'deploy', what: 'all', steps: untilIdle },
      ],
    },
  ],
  [
    'a correction comes after the message that it corrects, even if the clock of its worker is behind',
    {
      offsetsMs: [20_000, 0],
      beginnings: ['early', 'unknown', 'unknown'],
      commands: [
        { do: 'deploy', what: 'withoutStaging', steps: untilIdle },
        { do: 'trouble', mishap: { where: 'fifo', what: 'busy' }, after: 0, times: 1 },
        { do: 'webhook', job, steps: untilIdle },
        { do: 'change', job, state: 'warnings' },
        { do: 'deploy', what: 'all', steps: untilIdle },
        { do: 'webhook', job, steps: untilIdle },
      ],
    },
  ],
  [
    'a job that was given up, and that the list shows again, is announced when it ends',
    {
      beginnings: ['running', 'unknown', 'unknown'],
      commands: [
        { do: 'minute', steps: untilIdle },
        { do: 'change', job, state: 'unknown' },
        { do: 'minute', steps: untilIdle },
        { do: 'pass', ms: 11 * 60_000 },
        { do: 'minute', steps: untilIdle },
        { do: 'change', job, state: 'running' },
      ],
      endings: ['failed', 'completed', 'completed'],
    },
  ],
  [
    'a message of a worker that was frozen, and of the one that took over, is ambiguous, whichever receipt comes last',
    {
      beginnings: ['completed', 'unknown', 'unknown'],
      commands: [
        { do: 'trouble', mishap: { where: 'slack', what: 'frozen' }, after: 0, times: 1 },
        { do: 'webhook', job, steps: 8 },
        { do: 'sweep', steps: untilIdle },
      ],
    },
  ],
  [
    'a job that ends while two sweeps make the first list of its environment is announced',
    {
      beginnings: ['old', 'completed', 'unknown'],
      commands: [
        { do: 'burst', job, steps: 3 },
        { do: 'sweep', steps: 8 },
        { do: 'webhook', job, steps: 0 },
        { do: 'poll', steps: 22 },
        { do: 'change', job: jobOfStaging, state: 'canceled', steps: untilIdle },
      ],
    },
  ],
  [
    'a worker that was frozen decides as of its deadline',
    {
      beginnings: ['queued', 'running', 'queued'],
      commands: [
        { do: 'sweep', steps: untilIdle },
        { do: 'trouble', mishap: { where: 'room', what: 'frozen' }, after: 0, times: 1 },
        { do: 'change', job, state: 'unknown', steps: 3 },
        { do: 'minute', steps: 0 },
        { do: 'burst', job, steps: 21 },
        { do: 'change', job: 1, state: 'completed', steps: 13 },
        { do: 'webhook', job, steps: 5 },
        { do: 'pass', ms: 11 * 60_000, steps: 1 },
      ],
    },
  ],
  [
    'a worker whose clock is ahead leaves the lease of another one alone',
    {
      offsetsMs: [0, 240_000],
      beginnings: ['completed', 'unknown', 'unknown'],
      commands: [
        { do: 'webhook', job, steps: 8 },
        { do: 'sweep', steps: untilIdle },
      ],
    },
  ],
];

test.each(found)(
  '%s',
  async (_, plan) => {
    const figures = await runSimulation({ runs: 300, seed: 1, plans: fc.constant({ ...quiet, ...plan }) });
    expect(figures).toMatchObject({ runs: 300, lost: 0, repeated: 0 });
  },
  60_000,
);
