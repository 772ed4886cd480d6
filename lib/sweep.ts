/** One pass over the work list: the poller, the retry engine and the crash recovery at once. */

import { sweepEnvironment } from './environment-sweep.ts';
import { beginInvocation } from './invocation.ts';
import { allOf } from './parallel.ts';
import type { Parts } from './parts.ts';
import { letGo, removedKey, welcomeBack } from './removed-environments.ts';
import { createTally, type SweepResult } from './tally.ts';
import { placeKey, placesIn, readWorkList, rememberPlaces, type WorkList } from './work-list.ts';

/**
 * Looks at everything that is due, and delivers what is to be delivered, until little time is left. Each environment
 * goes at its own pace: one that is slow or away holds up no other.
 */
export async function sweep(parts: Parts, deadline: number): Promise<SweepResult> {
  const { config, store } = parts;
  const environments = Object.keys(config.environments);
  const marks = [placeKey, ...environments.map(removedKey)];
  const invocation = await beginInvocation(parts, { deadline, environments, marks });
  const tally = createTally(parts, invocation);
  await Promise.all(environments.map((environment) => welcomeBack(parts, environment, invocation)));

  const before = placesIn(invocation.marks);
  const workList = await readWorkList(parts, before);
  const passes = [...workList.due].map(([environment, entries]) =>
    (Object.hasOwn(config.environments, environment) ? sweepEnvironment : letGo)(parts, environment, entries, tally),
  );
  try {
    await allOf(passes);
    await rememberPlaces(store, before, tally.places);
  } finally {
    // Whatever happens: what is being sent gets its receipt.
    await tally.delivered();
  }
  report(parts, tally.result, workList);
  if (workList.broken !== undefined) throw workList.broken;
  return tally.result;
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
