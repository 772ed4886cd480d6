/** What `doctor` can see of an app and its channel, without posting. */

import * as v from 'valibot';
import { UpstreamError } from '../../platform/errors.ts';
import { isSlackError, membersOf, type SlackApi } from './web-api.ts';

/** Checks the token, its scope to write, and the channel as far as the scopes show it. Throws like `send`. */
export async function verifyChannel(api: SlackApi, channel: string): Promise<void> {
  const { scopes } = await api('auth.test');
  if (scopes && !scopes.includes('chat:write'))
    throw refused('missing_scope. Add the scope chat:write to the app, and install it again');
  if (channel === 'starter') return;
  const { is_archived, is_member } = await infoOf(api, channel);
  if (is_archived) throw refused('is_archived. The channel is archived. Unarchive it, or configure another one');
  if (is_member === false && !scopes?.includes('chat:write.public')) {
    throw refused('not_in_channel. Invite the app into the channel (/invite in Slack)');
  }
}

const refused = (what: string) => new UpstreamError('needsOperator', `Slack: ${what}`);

const missingScope = new Set(['missing_scope']);
const Info = v.looseObject({
  channel: v.looseObject({ is_archived: v.optional(v.boolean()), is_member: v.optional(v.boolean()) }),
});

/** An app does not need the scope that shows a channel. */
async function infoOf(api: SlackApi, channel: string): Promise<v.InferOutput<typeof Info>['channel']> {
  try {
    return membersOf(Info, await api('conversations.info', { channel })).channel;
  } catch (error) {
    if (isSlackError(error, missingScope)) return {};
    throw error;
  }
}

/** The problems because of which a message whose response was lost cannot be looked up. */
export async function problemsOfLookUps(api: SlackApi, channel: string): Promise<string[]> {
  if (channel === 'starter') {
    const { scopes } = await api('auth.test');
    const missing = ['im:history', 'im:write'].filter((scope) => scopes && !scopes.includes(scope));
    return missing.length > 0 ? [consequence(`The scope ${missing.join(' and ')} is missing.`)] : [];
  }
  try {
    await api('conversations.history', { channel, limit: 1 });
    return [];
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.kind !== 'needsOperator') throw error;
    return [consequence(`${error.message}.`)];
  }
}

const consequence = (problem: string): string =>
  `${problem} Until then, a message whose response is lost may be sent twice.`;
