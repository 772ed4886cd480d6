/** Finds a message of ours whose response was lost, by the metadata that it was posted with. */

import * as v from 'valibot';
import type { Message } from '../../domain/message.ts';
import type { LookUp } from '../channel.ts';
import { isSlackError, type Method, membersOf, type SlackApi } from './web-api.ts';

/** Where a message is: a conversation, and the `ts` of the first message of its thread. */
export interface Place {
  channel: string;
  ts: string;
}

const eventType = 'publishing_job_notice';

/** What marks a post as ours. Every member and app of the workspace can read it. */
export const metadataOf = ({ document }: Message): object => ({
  event_type: eventType,
  event_payload: { delivery_id: document.deduplicationId },
});

/** The receipt of a message, or of a reply to it. */
export const receiptOf = ({ channel, ts }: Place, replyTs?: string): string =>
  [channel, ts, ...(replyTs ? [replyTs] : [])].join('/');

/** The place in a receipt. */
export function placeIn(receipt: string): Place | undefined {
  const [, channel, ts] = /^([A-Z0-9]+)\/(\d+\.\d+)(?:\/|$)/.exec(receipt) ?? [];
  return channel && ts ? { channel, ts } : undefined;
}

/** Pages of the history that are read at most, with up to 200 messages each. */
const mostPages = 5;
const perPage = 200;
/** The clocks of Slack and of the worker may differ by this much. */
const toleranceSeconds = 120;

/** Slack does not let the app look. It may let it post. */
const lookRefused: ReadonlySet<string> = new Set([
  'missing_scope',
  'not_in_channel',
  'channel_not_found',
  'no_permission',
  'restricted_action',
  'access_denied',
]);

/**
 * Looks in the thread of the job's message, if there is one, and in the conversation. Slack may refuse to name the
 * conversation, too. `since` is when the first attempt began whose fate is unknown (ISO 8601).
 */
export async function lookUp(
  api: SlackApi,
  message: Message,
  { findChannel, thread, since }: { findChannel(): Promise<string>; thread: Place | undefined; since: string },
): Promise<LookUp> {
  const oldest = String(Math.floor(Date.parse(since) / 1_000) - toleranceSeconds);
  try {
    const { bot_id } = membersOf(Bot, await api('auth.test'));
    const isOurs = (one: Posted): boolean =>
      one.bot_id === bot_id &&
      one.metadata?.event_type === eventType &&
      one.metadata.event_payload['delivery_id'] === message.document.deduplicationId;
    const reply = thread && (await findReply(api, { ...thread, oldest }, isOurs));
    const channel = await findChannel();
    const found = reply ?? (await find(api, 'conversations.history', { channel, oldest }, isOurs));
    if (!found) return { found: null };
    const { ts, thread_ts = ts } = found;
    const receipt = receiptOf({ channel, ts: thread_ts }, ts === thread_ts ? undefined : ts);
    return { found: { receipt, identifiesMessage: true } };
  } catch (error) {
    if (isSlackError(error, lookRefused) || error instanceof TooMany) return { refused: error.message };
    throw error;
  }
}

class TooMany extends Error {}

const Bot = v.looseObject({ bot_id: v.string() });
const Posted = v.looseObject({
  ts: v.string(),
  thread_ts: v.optional(v.string()),
  bot_id: v.optional(v.string()),
  metadata: v.optional(v.looseObject({ event_type: v.string(), event_payload: v.record(v.string(), v.unknown()) })),
});
const Page = v.looseObject({
  messages: v.array(v.unknown()),
  response_metadata: v.optional(v.looseObject({ next_cursor: v.optional(v.string()) })),
});

type Posted = v.InferOutput<typeof Posted>;

/** A thread whose first message was deleted may be gone. */
const findReply = (
  api: SlackApi,
  args: Record<string, string>,
  isWanted: (message: Posted) => boolean,
): Promise<Posted | undefined> =>
  find(api, 'conversations.replies', args, isWanted).catch((error: unknown) => {
    if (isSlackError(error, threadGone)) return undefined;
    throw error;
  });

const threadGone: ReadonlySet<string> = new Set(['thread_not_found', 'message_not_found']);

async function find(
  api: SlackApi,
  method: Method,
  args: Record<string, string>,
  isWanted: (message: Posted) => boolean,
): Promise<Posted | undefined> {
  let cursor = '';
  for (let pages = 0; pages < mostPages; pages++) {
    const options = { limit: perPage, inclusive: true, include_all_metadata: true, ...(cursor ? { cursor } : {}) };
    const { messages, response_metadata } = membersOf(Page, await api(method, { ...args, ...options }));
    for (const one of messages) {
      const posted = v.safeParse(Posted, one);
      if (posted.success && isWanted(posted.output)) return posted.output;
    }
    cursor = response_metadata?.next_cursor ?? '';
    if (!cursor) return undefined;
  }
  throw new TooMany(`Slack: more than ${mostPages * perPage} messages since ${args['oldest']}`);
}
