/** The rules: who is told of what. Pure. */

import type { Job, Mention, Outcome, Route } from './job.ts';

/** One rule of the configuration. */
export interface Rule {
  when?: When | undefined;
  /** Names of channels; none: nobody is told, on purpose. */
  notify: string[];
  /** As it is; `starter` is whoever started the job. */
  mention?: string | undefined;
}

/** Conditions: the members are joined by AND, the values of one by OR. */
export type When = { [Member in keyof Subject]?: string[] | undefined };

/** What rules look at. Null matches nothing. */
export interface Subject extends Traits {
  outcome: Outcome;
}

/** What rules look at in a job, whatever became of it. */
export interface Traits {
  environment: string;
  source: string | null;
  name: string | null;
  startedBy: string | null;
  createdByType: string | null;
}

/** Who can be told, and by which rules; null: there are none, and every channel is told everything. */
export interface Routing {
  rules: Rule[] | null;
  channels: string[];
  /** Ids of Slack members, by the names that jobs are started under. */
  people: Record<string, Mention>;
}

/** The channels for a subject, by the first rule that matches. */
export function route(subject: Subject, { rules, channels, people }: Routing): Route {
  if (rules === null) return { channels, mention: null, rule: 'everyChannel' };
  const index = rules.findIndex(({ when = {} }) => matches(when, subject));
  const rule = rules[index];
  if (rule === undefined) return { channels: [], mention: null, rule: 'noRule' };
  const mention = rule.mention === 'starter' ? memberNamed(subject.startedBy, people) : rule.mention;
  return { channels: [...new Set(rule.notify)], mention: mention ?? null, rule: `rules[${index}]` };
}

/** What rules look at in a job of an environment; a job that was never read has nothing. */
export const traitsOf = (environment: string, job: Job | null): Traits => ({
  environment,
  source: job?.source ?? null,
  name: job?.name ?? null,
  startedBy: job?.startedBy ?? null,
  createdByType: job?.startedByType ?? null,
});

/** Whether all conditions hold. */
export function matches(when: When, subject: Traits & { outcome?: Outcome }): boolean {
  return (
    allows(when.outcome, (value) => value === subject.outcome || isLoss(value, subject.outcome)) &&
    allows(when.environment, (value) => value === subject.environment) &&
    allows(when.source, (value) => value === subject.source) &&
    allows(when.createdByType, (value) => value === subject.createdByType) &&
    allows(when.name, (pattern) => matchesPattern(pattern, subject.name)) &&
    allows(when.startedBy, (pattern) => matchesPattern(pattern, subject.startedBy))
  );
}

// Anybody may call himself `constructor`.
const memberNamed = (name: string | null, people: Record<string, Mention>): Mention | undefined =>
  name !== null && Object.hasOwn(people, name) ? people[name] : undefined;

const allows = (values: string[] | undefined, fits: (value: string) => boolean): boolean =>
  values === undefined || values.some(fits);

// Who wants to hear of failures wants to hear that a job can no longer be followed.
const isLoss = (value: string, outcome: Outcome | undefined): boolean => value === 'failed' && outcome === 'lostTrack';

/** Matches with `*` for any run of characters, in linear time: a pattern cannot be made to hang. */
function matchesPattern(pattern: string, text: string | null): boolean {
  if (text === null) return false;
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return text === pattern;
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false;
  let from = head.length;
  const end = text.length - tail.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found < 0 || found + part.length > end) return false;
    from = found + part.length;
  }
  return true;
}
