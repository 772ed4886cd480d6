/** A message about each outcome, as `messageOf` makes it, for the tests of the channels' renderings. */

import {
  type Job,
  type NamedPerson,
  type Outcome,
  outcomes,
  type TimeLimit,
  type Trouble,
} from '../../lib/domain/job.ts';
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
const trouble: Trouble = {
  ...{ kind: 'channel', name: 'team', since: ago(40 * minute) },
  reason: 'Slack: answered 404 <!channel> no_service',
};
const limits: Partial<Record<Outcome, TimeLimit>> = { late: 'runningFor', stuck: 'noProgressFor' };

/** What the tests change: members of the job, whom to mention, and the link. */
export interface Given {
  job?: Partial<Job>;
  mention?: string;
  mentioned?: NamedPerson;
  jobUrl?: string;
}

/** The message about one outcome. */
export function messageAbout(outcome: Outcome, { job: values, mention, mentioned, jobUrl }: Given = {}): Message {
  const isAboutJob = (outcomes as readonly Outcome[]).includes(outcome);
  const job = isAboutJob ? someJob('Completed', { startedBy: 'Jane Editor', ...jobs[outcome], ...values }) : null;
  const limit = limits[outcome];
  const decision = someDecision({
    ...{ outcome, since: ago(40 * minute), mention: mention ?? null },
    ...(mentioned ? { mentioned } : {}),
    ...(outcome === 'trouble' || outcome === 'recovered' ? { trouble } : {}),
  });
  const exceeded = limit && job ? { [limit]: { minutes: 30, decision, job } } : null;
  return messageOf(someRecord({ job, decision, exceeded }), { outcome, limit, channel: 'office', jobUrl });
}

/** One message about each outcome, the test message, and those about the notifier itself. */
export const everyOutcome = (given: Given = {}): [Outcome, Message][] =>
  [...outcomes, ...(['test', 'trouble', 'recovered'] as const)].map((outcome) => [
    outcome,
    messageAbout(outcome, given),
  ]);

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
