/** A message about each outcome, as `messageOf` makes it, for the tests of the channels' renderings. */

import { type Job, type NamedPerson, type Outcome, outcomes, type TimeLimit } from '../../lib/domain/job.ts';
import { type Message, messageOf } from '../../lib/domain/message.ts';
import { ago, minute, someDecision, someJob, someRecord, someStatistics } from '../support/builders.ts';

const jobs: Partial<Record<Outcome, Partial<Job>>> = {
  completedWithWarnings: { statistics: someStatistics({ failed: 2 }) },
  publishedNothing: { statistics: someStatistics({ processed: 0, skipped: 100 }) },
  failed: { status: 'Failed' },
  canceled: { status: 'Canceled', canceledBy: 'Alex Example' },
  late: { status: 'Running', finishedAt: null },
  stuck: { status: 'Running', finishedAt: null },
};
const limits: Partial<Record<Outcome, TimeLimit>> = { late: 'runningFor', stuck: 'noProgressFor' };

/** What the tests change: members of the job, the person to mention, and the link. */
export interface Given {
  job?: Partial<Job>;
  mentioned?: NamedPerson;
  jobUrl?: string;
}

/** The message about one outcome. */
export function messageAbout(outcome: Outcome, { job: values, mentioned, jobUrl }: Given = {}): Message {
  const job =
    outcome === 'test' ? null : someJob('Completed', { startedBy: 'Jane Editor', ...jobs[outcome], ...values });
  const limit = limits[outcome];
  const decision = someDecision({ outcome, since: ago(40 * minute), ...(mentioned ? { mentioned } : {}) });
  const exceeded = limit && job ? { [limit]: { minutes: 30, decision, job } } : null;
  return messageOf(someRecord({ job, decision, exceeded }), { outcome, limit, channel: 'office', jobUrl });
}

/** One message about each outcome, and the test message. */
export const everyOutcome = (given: Given = {}): [Outcome, Message][] =>
  [...outcomes, 'test' as const].map((outcome) => [outcome, messageAbout(outcome, given)]);

/** A job whose texts try everything that channels must not act on, and are far too long. */
export const hostileTexts = [
  `<at>Everyone</at> <!channel> [click](https://evil.example) **bold** {{DATE(2026-01-01T10:00:00Z)}} ${'x'.repeat(5_000)}`,
  `"},{"type":"Action.OpenUrl","url":"https://evil.example"} ${'\u{1F600}'.repeat(2_500)}`,
  '漢'.repeat(5_000),
  '&'.repeat(5_000),
];
export const everywhere = (text: string): Partial<Job> => ({
  name: text,
  source: text,
  startedBy: text,
  canceledBy: text,
});
