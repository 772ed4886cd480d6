/**
 * Slack, through an app with a bot: one message per job, which is edited, and replies in its thread for what must be
 * heard. https://docs.slack.dev/reference/methods/chat.postMessage/
 */

import * as v from 'valibot';
import type { Message } from '../../domain/message.ts';
import { UpstreamError } from '../../platform/errors.ts';
import { reference } from '../../platform/secrets.ts';
import { defineChannel, type SentMessage } from '../channel.ts';
import { withFreshSecrets } from '../http-post.ts';
import { type SlackContent, slackContent, slackPace } from '../slack-content.ts';
import { editedContent, mustBeHeard, wholeContent } from './content.ts';
import { lookUp, metadataOf, type Place, placeIn, receiptOf } from './look-up.ts';
import { problemsOfLookUps, verifyChannel } from './verify.ts';
import { type ApiResponse, createSlackApi, isSlackError, type Method, membersOf, type SlackApi } from './web-api.ts';

/** `token` is a secret: whoever has it can post as the app. */
export const slackApp = defineChannel({
  config: {
    channel: v.pipe(
      v.string(),
      v.regex(/^(?:starter|[CDG][A-Z0-9]{2,30})$/, 'the id of a Slack channel (C012AB3CD), or starter'),
      v.description('The id of a channel, or starter: the person who started the job, by `people`'),
    ),
    apiUrl: v.optional(
      v.pipe(
        v.string(),
        v.regex(
          /^(?:https:\/\/[^\s/?#@]+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?)(?:\/[^\s?#]*)?$/,
          'an https address (http only on this machine)',
        ),
        v.description('To be changed only for tests'),
      ),
      'https://slack.com/api',
    ),
  },
  references: { token: reference },
  personal: ({ channel }) => (channel === 'starter' ? 'slack' : undefined),
  create(deps, { channel, apiUrl, token }) {
    const { clock, secrets } = deps;
    const withApi = <Result>(timeoutMs: number, use: (api: SlackApi) => Promise<Result>): Promise<Result> => {
      const deadline = clock.now() + timeoutMs;
      const read = () => secrets.read(token);
      return withFreshSecrets(secrets, read, (value) => use(createSlackApi(deps, { apiUrl, token: value, deadline })));
    };
    /** The message about the job in this channel, or with this person. */
    const placeOf = ({ recipient }: Message, earlier: SentMessage[]): Place | undefined =>
      earlier
        .filter((one) => one.message.recipient?.slack === recipient?.slack)
        .flatMap(({ receipt }) => placeIn(receipt) ?? [])
        .findLast((place) => channel === 'starter' || place.channel === channel);
    return {
      ...slackPace,
      verify: (timeoutMs) => withApi(timeoutMs, (api) => verifyChannel(api, channel)),
      inspection: {
        subject: 'look-ups in',
        fine: 'the app can look for a message whose response was lost',
        findProblems: (timeoutMs) => withApi(timeoutMs, (api) => problemsOfLookUps(api, channel)),
      },
      render: (message) => ({ text: slackContent(message).text, payload: posted(message, []) }),
      send: (message, timeoutMs, earlier = []) =>
        withApi(timeoutMs, async (api) => {
          const post = async () => receiptOf(await postTo(api, addressee(channel, message), posted(message, earlier)));
          const place = placeOf(message, earlier);
          const receipt = place ? await editOr(post, api, message, { place, earlier }) : await post();
          return { receipt, identifiesMessage: true };
        }),
      lookUp: (message, timeoutMs, since, earlier) =>
        withApi(timeoutMs, async (api) => {
          const thread = placeOf(message, earlier);
          const findChannel = async () =>
            thread?.channel ?? (channel === 'starter' ? await openChat(api, message) : channel);
          return await lookUp(api, message, { since, thread, findChannel });
        }),
    };
  },
});

/** Edits the message about the job, and replies to it if people must hear of that. Posts anew if it cannot be edited. */
async function editOr(
  post: () => Promise<string>,
  api: SlackApi,
  message: Message,
  { place, earlier }: { place: Place; earlier: SentMessage[] },
): Promise<string> {
  try {
    await blocksOrText(api, 'chat.update', { ...place, parse: 'none', ...editedContent(message, earlier) });
    if (!mustBeHeard(message)) return receiptOf(place);
    const thread = { thread_ts: place.ts, reply_broadcast: true };
    const { ts } = await postTo(api, place.channel, { ...thread, ...posted(message, []) });
    return receiptOf(place, ts);
  } catch (error) {
    if (isSlackError(error, gone)) return await post();
    throw error;
  }
}

/** The message was deleted, or may not be edited any more. */
const gone: ReadonlySet<string> = new Set([
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'is_inactive',
  'thread_not_found',
]);

/** A post may be edited later, so its text is as short as that of an edit. */
const posted = (message: Message, earlier: SentMessage[]): SlackContent => ({
  ...wholeContent(message, earlier),
  ...{ metadata: metadataOf(message), parse: 'none', unfurl_links: false, unfurl_media: false },
});

async function postTo(api: SlackApi, channel: string, payload: SlackContent): Promise<Place> {
  const response = await blocksOrText(api, 'chat.postMessage', { channel, ...payload });
  return membersOf(v.looseObject({ channel: v.string(), ts: v.string() }), response);
}

/** Sends the text alone if Slack refuses the blocks: a plain message is better than none. */
async function blocksOrText(
  api: SlackApi,
  method: Method,
  payload: Record<string, unknown> & SlackContent,
): Promise<ApiResponse> {
  try {
    return await api(method, payload);
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.kind !== 'payloadRefused') throw error;
    return await api(method, { ...payload, blocks: [], attachments: [] });
  }
}

/** The id of the channel, or of the person. */
function addressee(channel: string, { recipient }: Message): string {
  if (channel !== 'starter') return channel;
  if (recipient?.slack) return recipient.slack;
  throw new UpstreamError('payloadRefused', 'Slack: this message is about no person, and the channel is starter');
}

/** The direct messages with a person. Slack makes them once. */
async function openChat(api: SlackApi, message: Message): Promise<string> {
  const response = await api('conversations.open', { users: addressee('starter', message) });
  return membersOf(v.looseObject({ channel: v.looseObject({ id: v.string() }) }), response).channel.id;
}
