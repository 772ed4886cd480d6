/** The jobs of the demo's first minute. They show every outcome of a job. */
import { type JobPlan, people, planJob } from './simulation.ts';

const { jane, sam, pipeline } = people;

/** In the demo, a job without progress for this long is stuck. */
export const stuckAfterMinutes = 5;

/**
 * Plans the jobs of the first minute. At `speed` 2 they take half a minute. Names of a later run of the demo hold its
 * number, so that its messages do not look like repeated ones.
 */
export function planDemoJobs(now: number, speed = 1, run = 1): JobPlan[] {
  const after = (seconds: number): number => now + (seconds * 1000) / speed;
  const plan = (values: Partial<JobPlan> & { seconds: number }): JobPlan =>
    planJob({ ...values, seconds: values.seconds / speed }, now);
  // This job has been stuck since before the start, so that the demo shows it after 15 s instead of five minutes.
  const from = after(15) - stuckAfterMinutes * 60_000;
  const worked = 60;
  const plans = [
    plan({ name: 'Nightly site publish', startedBy: pipeline, seconds: 12, items: 812, locales: ['en', 'de', 'fr'] }),
    plan({ name: 'Product catalogue, spring prices', outcome: 'completedWithWarnings', seconds: 20, items: 655 }),
    plan({
      name: 'Whole environment',
      source: 'API',
      startedBy: pipeline,
      outcome: 'failed',
      seconds: 28,
      items: 9410,
    }),
    plan({ name: 'Home page, new hero image', startedBy: sam, canceledBy: jane, outcome: 'canceled', seconds: 36 }),
    plan({ name: 'Blog, five new posts', startedBy: sam, queuedAt: after(24), seconds: 20, isHandedOver: false }),
    planJob(
      {
        name: 'Media library, autumn campaign',
        items: 2310,
        queuedAt: from - worked * 1000,
        seconds: worked + 12 / speed,
        hangs: { from, until: after(41) },
      },
      now,
    ),
  ];
  return plans.map((one) => ({ ...one, run, name: run === 1 ? one.name : `${one.name} (${run})` }));
}
