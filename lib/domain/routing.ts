/** The routing rules: which channels are notified of which outcomes. Pure. */

import type { DecisionContext, When } from './decision-context.ts';
import type { Job, NamedPerson, Outcome, Route } from './job.ts';

/** What rules match. Null matches nothing. */
export interface RuleInput extends JobTraits {
  outcome: Outcome;
}

/** The properties of a job that rules match, whatever its outcome. */
export interface JobTraits {
  environment: string;
  source: string | null;
  name: string | null;
  startedBy: string | null;
  createdByType: string | null;
}

type Context = Pick<DecisionContext, 'rules' | 'channels' | 'people' | 'personal'>;

/** The channels to notify, by the first rule that matches. */
export function route(input: RuleInput, { rules, channels, people, personal = {} }: Context): Route {
  if (rules === null && input.outcome !== 'started') {
    return { ...addressed(channels, input, { people, personal }), mention: null, rule: 'everyChannel' };
  }
  const index = rules?.findIndex(({ when = {} }) => matches(when, input)) ?? -1;
  const rule = rules?.[index];
  if (rule === undefined) return { channels: [], mention: null, rule: 'noRule' };
  const mentioned = personOf(rule.mention, input.startedBy, people);
  const mention = rule.mention === 'starter' ? mentioned?.slack : rule.mention;
  return {
    ...addressed([...new Set(rule.notify)], input, { people, personal }),
    mention: mention ?? null,
    ...(mentioned?.teams ? { mentioned } : {}),
    rule: `rules[${index}]`,
  };
}

/** Leaves out the personal channels that have nobody to write to. */
function addressed(
  named: string[],
  { startedBy, createdByType }: RuleInput,
  { people, personal }: Required<Pick<Context, 'people' | 'personal'>>,
): Pick<Route, 'channels' | 'skipped' | 'recipient'> {
  const starter = createdByType === 'Application' ? undefined : personOf('starter', startedBy, people);
  const isSkipped = (channel: string): boolean => {
    const kind = personal?.[channel];
    return kind !== undefined && starter?.[kind] === undefined;
  };
  const reason = createdByType === 'Application' ? 'startedByApplication' : 'notInPeople';
  const skipped = named.filter(isSkipped).map((channel) => [channel, reason] as const);
  const channels = named.filter((channel) => !isSkipped(channel));
  const isPersonal = channels.some((channel) => personal?.[channel] !== undefined);
  return {
    channels,
    ...(skipped.length > 0 ? { skipped: Object.fromEntries(skipped) } : {}),
    ...(isPersonal && starter ? { recipient: starter } : {}),
  };
}

/** The properties of a job that rules match. All are null for a job that was never read. */
export const traitsOf = (environment: string, job: Job | null): JobTraits => ({
  environment,
  source: job?.source ?? null,
  name: job?.name ?? null,
  startedBy: job?.startedBy ?? null,
  createdByType: job?.startedByType ?? null,
});

/** Whether all conditions of a rule match. A rule that names no outcome does not match `started`. */
export function matches(when: When, input: JobTraits & { outcome?: Outcome }): boolean {
  return (
    allows(when.outcome, (value) => value === input.outcome || coversLostTrack(value, input.outcome)) &&
    !(input.outcome === 'started' && when.outcome === undefined) &&
    allows(when.environment, (value) => value === input.environment) &&
    allows(when.source, (value) => value === input.source) &&
    allows(when.createdByType, (value) => value === input.createdByType) &&
    allows(when.name, (pattern) => matchesPattern(pattern, input.name)) &&
    allows(when.startedBy, (pattern) => matchesPattern(pattern, input.startedBy))
  );
}

/** The person who started the job, or whose Slack ID the rule names. A group and a whole channel are no person. */
function personOf(
  mention: string | undefined,
  startedBy: string | null,
  people: DecisionContext['people'],
): NamedPerson | undefined {
  if (mention === undefined) return undefined;
  const isMentioned = ({ name, slack }: NamedPerson) =>
    mention === 'starter' ? name === startedBy : slack === mention;
  return Object.entries(people)
    .map(([name, person]) => ({ name, ...(typeof person === 'string' ? { slack: person } : person) }))
    .find(isMentioned);
}

const allows = (values: string[] | undefined, fits: (value: string) => boolean): boolean =>
  values === undefined || values.some(fits);

// A rule for failures also covers jobs whose end is unknown.
const coversLostTrack = (value: string, outcome: Outcome | undefined): boolean =>
  value === 'failed' && outcome === 'lostTrack';

/** Matches `*` against any run of characters, in linear time, so that no pattern can hang the function. */
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
