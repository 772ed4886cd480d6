/** The schema of `notifier.yml`. `npm run schema` makes `notifier.schema.json` from it, for editors. */

import * as v from 'valibot';
import type { ChannelConfig, ChannelType } from '../channels/channel.ts';
import { outcomes } from '../domain/job.ts';
import { reference } from '../platform/secrets.ts';

/**
 * An object that reports every unknown key. valibot's strictObject stops at the first one, and the type of the rest
 * would make every other member `never`.
 */
const closed = <Entries extends v.ObjectEntries>(
  entries: Entries,
): v.GenericSchema<
  v.InferInput<v.ObjectSchema<Entries, undefined>>,
  v.InferOutput<v.ObjectSchema<Entries, undefined>>
> => v.objectWithRest(entries, v.never());

/** The names of environments and channels. */
export const namePattern = /^[a-z0-9-]{1,40}$/;

const name = v.pipe(
  v.string(),
  v.regex(namePattern, 'a name of 1 to 40 characters out of a-z, 0-9 and -'),
  v.description('A name of 1 to 40 characters out of a-z, 0-9 and -'),
);
const url = v.pipe(
  v.string(),
  v.regex(
    /^(?:https:\/\/[^\s/?#@]+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?)(?:[/?#]\S*)?$/,
    'an https address (http only on this machine)',
  ),
  v.maxLength(2_000, 'an address of 2,000 characters or less'),
  v.check((value) => URL.canParse(value), 'a valid address'),
);
const oneOrMore = <Item extends v.GenericSchema<string, string>>(item: Item) =>
  v.union([
    v.pipe(
      item,
      v.transform((value) => [value]),
    ),
    v.pipe(v.array(item), v.minLength(1, 'at least one value')),
  ]);
const pattern = v.pipe(v.string(), v.description('A name; * stands for any characters'));
const number = (max: number) => v.pipe(v.number(), v.minValue(1, '1 or more'), v.maxValue(max, `${max} or less`));
const minutes = (text: string) => v.optional(v.pipe(number(43_200), v.description(text)));
const filled = <Value extends v.GenericSchema>(value: Value) =>
  v.pipe(v.record(name, value), v.minEntries(1, 'at least one entry'));

const environment = closed({
  clientId: reference,
  clientSecret: reference,
  apiUrl: v.optional(
    v.pipe(
      url,
      v.check((value) => !/[?#]/.test(value), 'an address without ? and #'),
    ),
    'https://edge-platform.sitecorecloud.io',
  ),
  tokenUrl: v.optional(url, 'https://auth.sitecorecloud.io/oauth/token'),
  discover: v.optional(
    v.pipe(v.boolean(), v.description('Whether jobs are discovered through the list and watched; on if left out')),
    true,
  ),
  jobUrl: v.optional(
    v.pipe(
      url,
      v.regex(
        /^(?:[^{}]|\{(?:jobId|organizationId|tenantId)\})*$/,
        'no placeholders but {jobId}, {organizationId}, {tenantId}',
      ),
      v.description('The link in the messages, with {jobId}, {organizationId}, {tenantId}; left out: the Cloud Portal'),
    ),
  ),
});

const channel = (types: Record<string, ChannelType>): v.GenericSchema<ChannelConfig> =>
  v.variant(
    'type',
    Object.entries(types).map(([type, { config }]) =>
      v.objectWithRest({ type: v.literal(type), ...config }, v.never()),
    ),
  );

const rule = closed({
  when: v.optional(
    closed({
      outcome: v.optional(oneOrMore(v.picklist(outcomes))),
      environment: v.optional(oneOrMore(v.string())),
      source: v.optional(oneOrMore(v.string())),
      name: v.optional(oneOrMore(pattern)),
      startedBy: v.optional(oneOrMore(pattern)),
      createdByType: v.optional(oneOrMore(v.picklist(['User', 'Application']))),
    }),
  ),
  notify: v.pipe(v.array(v.string()), v.description('Names of channels; none: nobody, on purpose')),
  mention: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^(?:here|channel|starter|[UWS][A-Z0-9]{2,30})$/,
        'here, channel, starter, or the id of a Slack member or group',
      ),
    ),
  ),
});

const limit = closed({
  when: v.optional(
    closed({
      environment: v.optional(oneOrMore(v.string())),
      source: v.optional(oneOrMore(v.string())),
      name: v.optional(oneOrMore(pattern)),
    }),
  ),
  queuedFor: minutes('late: Queued for longer than so many minutes'),
  runningFor: minutes('late: Running for longer than so many minutes'),
  noProgressFor: minutes('stuck: Running, and no counter moved for so many minutes'),
});

const slackMember = v.pipe(v.string(), v.regex(/^[UW][A-Z0-9]{2,30}$/, 'the id of a Slack member'));
const teamsAddress = v.pipe(
  v.string(),
  v.regex(/^[^\s@<>"]{1,100}@[^\s@<>"]{1,100}$/, 'the address with which a person signs in to Teams'),
);
const person = v.pipe(
  closed({ slack: v.optional(slackMember), teams: v.optional(teamsAddress) }),
  v.minEntries(1, 'slack, teams, or both'),
);

const wholeSeconds = '5 to 60, in whole seconds';

const settings = closed({
  announceWithinHours: v.optional(number(8_760), 24),
  retryForDays: v.optional(number(30), 3),
  keepForDays: v.optional(number(3_650), 30),
  operatorNoticeAfterMinutes: v.optional(
    v.pipe(v.number(), v.minValue(0, '0 or more'), v.maxValue(1_440, '1440 or less')),
    15,
  ),
  sweepConcurrency: v.optional(v.pipe(number(200), v.integer('a whole number')), 20),
  pollEverySeconds: v.optional(
    v.pipe(v.number(), v.integer(wholeSeconds), v.minValue(5, wholeSeconds), v.maxValue(60, wholeSeconds)),
    10,
  ),
});

/** The schema of the document, with these channel types. */
export const documentSchema = (types: Record<string, ChannelType>) =>
  closed({
    environments: v.pipe(
      filled(environment),
      v.description('The Sitecore environments, each with its automation client'),
    ),
    channels: v.pipe(filled(channel(types)), v.description('Where messages go')),
    rules: v.optional(
      v.pipe(
        v.array(rule),
        v.description(
          'The first rule that matches decides. Left out: every outcome but `started` goes to every channel',
        ),
      ),
    ),
    operators: v.optional(
      v.pipe(
        v.array(v.string()),
        v.description('Names of channels that are notified when the notifier itself does not work'),
      ),
      [],
    ),
    limits: v.optional(
      v.pipe(
        v.array(limit),
        v.description('How long a job may take. The first that matches counts; what it leaves out is off'),
      ),
      [],
    ),
    people: v.optional(
      v.pipe(
        v.record(v.string(), v.union([slackMember, person])),
        v.description(
          'Who started a job -> the id of the Slack member, or the addresses, for `mention: starter` and `channel: starter`',
        ),
      ),
      {},
    ),
    webhook: v.optional(closed({ secrets: v.array(reference) })),
    settings: v.optional(settings, {}),
  });

/** A checked document. */
export type CheckedDocument = v.InferOutput<ReturnType<typeof documentSchema>>;
