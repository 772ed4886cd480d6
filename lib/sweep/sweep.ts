/** One pass over the work list: the poller, the retry engine and the crash recovery at once. */

import type { Parts } from '../deps.ts';
import { beginInvocation } from '../pipeline/invocation.ts';
import { allOf } from '../platform/async.ts';
import type { WakeUp } from '../platform/sweep-queue.ts';
import { discoveryKeys } from './discover.ts';
import { letGo, removedKey, welcomeBack } from './removed-environments.ts';
import { sweepEnvironment } from './sweep-environment.ts';
import { createTally, type SweepResult } from './sweep-run.ts';
import { placeKey, placesIn, readWorkList, rememberPlaces, type WorkList } from './work-list.ts';

/**
 * Looks at everything that is due, and delivers what is to be delivered, until little time is left. Each environment
 * goes at its own pace: one that is slow or away holds up no other. `wakeUps` says what it was woken for; null: the
 * schedule has come round.
 */
export async function sweep(parts: Parts, deadline: number, wakeUps: WakeUp[] | null = null): Promise<SweepResult> {
  const { config, store, clock } = parts;
  const begunAt = clock.now();
  const environments = Object.keys(config.environments).filter(isMeant(wakeUps));
  const marks = [placeKey, ...environments.flatMap((name) => [removedKey(name), ...discoveryKeys(name)])];
  const invocation = await beginInvocation(parts, { deadline, environments, marks });
  const tally = createTally(parts, invocation);
  await Promise.all(environments.map((environment) => welcomeBack(parts, environment, tally)));

  const before = placesIn(invocation.marks);
  const workList = await readWorkList(parts, before);
  const removed = [...workList.due.keys()].filter(
    (name) => !Object.hasOwn(config.environments, name) && isMeant(wakeUps)(name),
  );
  const passes = [
    ...environments.map((name) => sweepEnvironment(parts, name, workList, tally, isLookedThrough(wakeUps, name))),
    ...removed.map((name) => letGo(parts, name, workList.due.get(name) ?? [], tally)),
  ];
  try {
    await allOf(passes);
    await rememberPlaces(store, before, tally.places, [...environments, ...removed]);
  } finally {
    // Whatever happens: what is being sent gets its receipt.
    await tally.delivered();
  }
  if (wakeUps === null && tally.running > 0) await lookAgain(parts, begunAt);
  report(parts, tally.result, workList);
  if (workList.broken !== undefined) throw workList.broken;
  return tally.result;
}

/** Whether an environment is to be swept: all are, unless every wake-up is for one of its own. */
function isMeant(wakeUps: WakeUp[] | null): (environment: string) => boolean {
  const names = wakeUps?.map(({ environment }) => environment) ?? [null];
  return (environment) => names.includes(null) || names.includes(environment);
}

/** Whether an environment is looked through for jobs that nobody named: by the schedule, and when something ended there. */
const isLookedThrough = (wakeUps: WakeUp[] | null, name: string): boolean =>
  wakeUps?.some(({ environment }) => environment === name) ?? true;

/** A schedule comes round once a minute at most: jobs that run are looked at in between, by sweeps that wake no others. */
async function lookAgain({ wakeUps, config, clock, log }: Parts, begunAt: number): Promise<void> {
  const every = config.settings.lookEverySeconds;
  const elapsed = Math.round((clock.now() - begunAt) / 1_000);
  const looks = every === 0 ? [] : Array.from({ length: Math.ceil(60 / every) - 1 }, (_, index) => (index + 1) * every);
  // What is overdue by now is due at once.
  const delays = [...new Set(looks.map((look) => Math.max(look - elapsed, 0)))];
  if (delays.length === 0) return;
  await wakeUps.send({ environment: null }, delays).catch((error: unknown) => {
    log.warn('sweeps between those of the schedule could not be arranged; the next one comes in a minute', { error });
  });
}

/** What is zero is left out: an idle night costs nothing. */
function report({ metrics, log }: Parts, result: SweepResult, { watched, oldestMs }: WorkList): void {
  const oldestEntrySeconds = Math.round(oldestMs / 1_000);
  if (result.checked > 0) metrics.count('checked', {}, result.checked);
  if (result.left > 0) metrics.count('left', {}, result.left);
  if (watched > 0) {
    metrics.measure('watched', watched);
    metrics.measure('oldestEntry', oldestEntrySeconds);
  }
  log.info('swept', { ...result, watched, oldestEntrySeconds });
}
