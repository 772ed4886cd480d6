/** What happens in a simulation, as fast-check generates it. Plain data: a seed and a path are enough to replay it. */

import fc from 'fast-check';
import { type DeploymentName, everyChannel } from './simulation-deployments.ts';
import { type State, states } from './simulation-jobs.ts';
import { type Mishap, mishaps, type Trouble } from './simulation-mishaps.ts';

/** One thing that happens, and how many calls get their turn after it. */
export type Command = { steps?: number } & (
  | { do: 'webhook' | 'event' | 'burst'; job: number }
  | { do: 'sweep' | 'poll' | 'minute' | 'replay' }
  | { do: 'pass'; ms: number }
  | { do: 'change'; job: number; state: State }
  | { do: 'deploy'; what: DeploymentName }
  | ({ do: 'trouble'; mishap: Mishap } & Pick<Trouble, 'after' | 'times'>)
);

/** What is still broken when everything else is repaired. It must not block the rest. */
export type Leftover = 'none' | 'busyJob' | 'badJob' | 'badEnvironment' | 'badChannel';

export interface Plan {
  /** How far the clock of each worker is ahead, before the table corrects it. */
  offsetsMs: number[];
  /** The first states of the jobs, and how they end if they have not ended. */
  beginnings: State[];
  endings: State[];
  commands: Command[];
  leftover: Leftover;
}

/** Enough turns to finish everything. */
export const untilIdle = 1_000;

const seconds = (...values: number[]) => fc.constantFrom(...values.map((value) => value * 1_000));
const three = (state: fc.Arbitrary<State>) => fc.array(state, { minLength: 3, maxLength: 3 });

const steps = fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 13, 21, untilIdle, untilIdle, untilIdle);
const job = fc.constantFrom(0, 0, 0, 1, 2, 2);
const ended = fc.constantFrom<State>('completed', 'early', 'warnings', 'nothing', 'failed', 'canceled');
const state = fc.oneof(
  ended,
  ended,
  fc.constantFrom<State>('unknown', 'running'),
  fc.constantFrom(...(Object.keys(states) as State[])),
);
const closeToSending = mishaps.filter(({ where }) => [...everyChannel, 'save', 'receipt'].includes(where));

const commandWith = (mishap: fc.Arbitrary<Mishap>) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('webhook', 'event', 'burst'), job, steps }) },
    { weight: 7, arbitrary: fc.record({ do: fc.constantFrom('sweep', 'poll', 'poll', 'minute', 'minute'), steps }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('change'), job, state, steps }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('trouble'),
        mishap,
        after: fc.nat({ max: 3 }),
        times: fc.constantFrom(1, 1, 1, 2, 4),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('pass'), ms: seconds(1, 4, 9, 17, 25, 100, 4 * 60, 11 * 60), steps }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('deploy'),
        what: fc.constantFrom(
          'all',
          'all',
          'withoutStaging',
          'withoutStaging',
          'withoutSlack',
          'withoutFifo',
          'withRules',
        ),
        steps,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('replay'), steps }) },
  ) as fc.Arbitrary<Command>;

const planWith = (mishap: fc.Arbitrary<Mishap>): fc.Arbitrary<Plan> =>
  fc.record({
    offsetsMs: fc.array(seconds(0, 5, 10, 20, 240, -240), { minLength: 1, maxLength: 3 }),
    beginnings: three(
      fc.constantFrom('queued', 'running', 'running', 'running', 'unknown', 'completed', 'early', 'early', 'old'),
    ),
    commands: fc.noBias(fc.array(commandWith(mishap), { maxLength: 40, size: 'max' })),
    leftover: fc.constantFrom('none', 'none', 'none', 'none', 'busyJob', 'badJob', 'badEnvironment', 'badChannel'),
    endings: three(ended),
  });

export const plan = planWith(fc.oneof(fc.constantFrom(...mishaps), fc.constantFrom(...closeToSending)));

/** What goes wrong, goes wrong between a worker and the Slack app, or kills a worker. */
export const planOfSlackApp = planWith(fc.constantFrom(...mishaps.filter(({ where }) => where === 'room')));
