/** The methods of the Web API that the notifier uses, on a workspace: https://docs.slack.dev/reference/methods/ */
import { refusalOf, type SlackPayload } from './payload.ts';
import type { Conversation, MessageMetadata, SlackWorkspace, WorkspaceMessage } from './workspace.ts';

/** The document that a method returns. */
export interface SlackAnswer {
  ok: boolean;
  error?: string;
  [member: string]: unknown;
}

/** The arguments of a call. Those of a form are texts. */
export type SlackArguments = Record<string, unknown>;

/** Performs a method. `token` is null if the request has none. */
export function callMethod(
  workspace: SlackWorkspace,
  method: string,
  token: string | null,
  args: SlackArguments,
): SlackAnswer {
  const { app } = workspace;
  const perform = methods[method];
  try {
    if (perform === undefined) throw new Refused('unknown_method', { req_method: method });
    if (token === null) throw new Refused('not_authed');
    if (token !== app.token) throw new Refused('invalid_auth');
    if (app.isRevoked) throw new Refused('token_revoked');
    return { ok: true, ...perform(workspace, args) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, error: error.message, ...error.members };
  }
}

/** The call is answered with `ok: false`. The message is the code of the error. */
class Refused extends Error {
  readonly members: object;
  constructor(code: string, members: object = {}) {
    super(code);
    this.members = members;
  }
}

const team = { team: 'Simulated workspace', team_id: 'T00000000', url: 'https://simulated.slack.com/' };
const maxPostLength = 40_000;
const maxUpdateLength = 4_000;
const maxMetadataBytes = 16_384;

const methods: Record<string, (workspace: SlackWorkspace, args: SlackArguments) => object> = {
  'auth.test': ({ app }) => ({
    ...team,
    user: 'publishing_jobs',
    user_id: app.userId,
    bot_id: app.botId,
    is_enterprise_install: false,
  }),

  'chat.postMessage': (workspace, args) => {
    needScope(workspace, 'chat:write');
    const conversation = target(workspace, args['channel']);
    if (conversation.isArchived) throw new Refused('is_archived');
    const content = contentOf(args, maxPostLength);
    const parent = args['thread_ts'] === undefined ? undefined : workspace.find(conversation.id, args['thread_ts']);
    if (args['thread_ts'] !== undefined && parent === undefined) throw new Refused('thread_not_found');
    const { appId: app_id, botId: bot_id, userId: user } = workspace.app;
    const message = workspace.post({
      ...{ channel: conversation.id, user, bot_id, app_id },
      ...content,
      ...(parent && { thread_ts: parent.thread_ts ?? parent.ts, isBroadcast: isTrue(args['reply_broadcast']) }),
    });
    return { channel: conversation.id, ts: message.ts, message: shown(workspace, message, false) };
  },

  'chat.update': (workspace, args) => {
    needScope(workspace, 'chat:write');
    const conversation = member(workspace, args['channel']);
    if (conversation.isArchived) throw new Refused('is_inactive');
    const message = workspace.find(conversation.id, args['ts']);
    if (message === undefined) throw new Refused('message_not_found');
    if (message.bot_id !== workspace.app.botId) throw new Refused('cant_update_message');
    if (!workspace.isEditingAllowed) throw new Refused('edit_window_closed');
    const content = contentOf(args, maxUpdateLength);
    // A new text takes the blocks away, unless new ones come with it. Attachments and metadata stay if they are left out.
    if (args['text'] !== undefined && args['blocks'] === undefined) delete message.blocks;
    workspace.edit(message, content);
    const { ts, text } = message;
    return { channel: conversation.id, ts, text, message: shown(workspace, message, false) };
  },

  'conversations.history': (workspace, args) => {
    const conversation = readable(workspace, args['channel'], 'history');
    const inChannel = workspace.messages.filter(
      (message) =>
        message.channel === conversation.id &&
        (message.thread_ts === undefined || message.isBroadcast) &&
        (!message.isDeleted || repliesTo(workspace, message).length > 0),
    );
    return page(workspace, inChannel.reverse(), args);
  },

  'conversations.replies': (workspace, args) => {
    const conversation = readable(workspace, args['channel'], 'history');
    const asked = workspace.messages.find((one) => one.channel === conversation.id && one.ts === args['ts']);
    const parentTs = asked?.thread_ts ?? asked?.ts;
    const parent = workspace.messages.find((one) => one.channel === conversation.id && one.ts === parentTs);
    const replies = parent ? repliesTo(workspace, parent) : [];
    if (parent === undefined || (parent.isDeleted && replies.length === 0)) throw new Refused('thread_not_found');
    return page(workspace, [parent, ...replies], args);
  },

  'conversations.info': (workspace, args) => {
    const { id, name, kind, isArchived, isMember, user } = readable(workspace, args['channel'], 'read');
    const channel = {
      ...{ id, is_channel: kind === 'channel', is_group: kind === 'private', is_im: kind === 'im' },
      ...(kind === 'im' ? { user } : { name, is_member: isMember, is_private: kind === 'private' }),
      is_archived: isArchived,
    };
    return { channel };
  },

  'conversations.open': (workspace, args) => {
    needScope(workspace, 'im:write');
    const user = String(args['users'] ?? '');
    if (!workspace.people.has(user)) throw new Refused('user_not_found');
    return { channel: { id: workspace.openDirectMessages(user).id } };
  },
};

function needScope({ app }: SlackWorkspace, needed: string): void {
  if (!app.scopes.has(needed)) throw new Refused('missing_scope', { needed, provided: [...app.scopes].join() });
}

/** A conversation by its id. A private channel that the app is no member of does not exist for it. */
function known({ conversations }: SlackWorkspace, id: unknown): Conversation {
  const found = conversations.get(String(id));
  if (found === undefined || (found.kind === 'private' && !found.isMember)) throw new Refused('channel_not_found');
  return found;
}

function member(workspace: SlackWorkspace, id: unknown): Conversation {
  const conversation = known(workspace, id);
  if (!conversation.isMember) throw new Refused('not_in_channel');
  return conversation;
}

/** Where a message is posted. The id of a person stands for the direct messages with that person. */
function target(workspace: SlackWorkspace, id: unknown): Conversation {
  const user = String(id);
  if (workspace.people.has(user)) return workspace.openDirectMessages(user);
  const conversation = known(workspace, id);
  const isOpen = conversation.kind === 'channel' && workspace.app.scopes.has('chat:write.public');
  return isOpen ? conversation : member(workspace, id);
}

const scopeOf = { channel: 'channels', private: 'groups', im: 'im' } as const;

/** A conversation that the app has the scope for. Messages are for members alone, also with `chat:write.public`. */
function readable(workspace: SlackWorkspace, id: unknown, what: 'history' | 'read'): Conversation {
  const conversation = known(workspace, id);
  needScope(workspace, `${scopeOf[conversation.kind]}:${what}`);
  return what === 'history' ? member(workspace, id) : conversation;
}

type Content = Pick<WorkspaceMessage, 'text' | 'blocks' | 'attachments' | 'metadata'>;

/** The message in the arguments; what they leave out is left out. */
function contentOf(args: SlackArguments, maxLength: number): Content {
  const payload = args as SlackPayload;
  const { text = '', blocks, attachments } = payload;
  const refusal = refusalOf(payload);
  if (refusal !== null) throw new Refused(refusal);
  if ([...text].length > maxLength) throw new Refused('msg_too_long');
  const { metadata } = args;
  if (metadata !== undefined && !isMetadata(metadata)) throw new Refused('invalid_metadata_format');
  if (metadata !== undefined && JSON.stringify(metadata).length > maxMetadataBytes) {
    throw new Refused('metadata_too_large');
  }
  return { text, ...(blocks && { blocks }), ...(attachments && { attachments }), ...(metadata && { metadata }) };
}

function isMetadata(value: unknown): value is MessageMetadata {
  const { event_type, event_payload } = (value ?? {}) as Partial<MessageMetadata>;
  return typeof event_type === 'string' && event_type !== '' && typeof event_payload === 'object';
}

const repliesTo = ({ messages }: SlackWorkspace, { channel, ts }: WorkspaceMessage): WorkspaceMessage[] =>
  messages.filter((one) => one.channel === channel && one.thread_ts === ts && !one.isDeleted);

/** One page of a list, after the filter by time. */
function page(workspace: SlackWorkspace, list: WorkspaceMessage[], args: SlackArguments): object {
  const limit = Number(args['limit'] ?? 100);
  if (!(limit >= 1 && limit <= 999)) throw new Refused('invalid_limit');
  const from = Number(
    Buffer.from(String(args['cursor'] ?? ''), 'base64url')
      .toString()
      .replace('next:', ''),
  );
  if (!Number.isInteger(from)) throw new Refused('invalid_cursor');
  const within = list.filter(({ ts }) => isWithin(ts, args));
  const end = from + limit;
  return {
    messages: within.slice(from, end).map((one) => shown(workspace, one, isTrue(args['include_all_metadata']))),
    has_more: end < within.length,
    ...(end < within.length && {
      response_metadata: { next_cursor: Buffer.from(`next:${end}`).toString('base64url') },
    }),
  };
}

function isWithin(ts: string, { oldest, latest, inclusive }: SlackArguments): boolean {
  if (isTrue(inclusive) && (oldest === ts || latest === ts)) return true;
  const isAfter = oldest === undefined || microsOf(ts) > microsOf(oldest);
  return isAfter && (latest === undefined || microsOf(ts) < microsOf(latest));
}

/** Slack takes whole seconds as well as the `ts` of a message. */
const microsOf = (ts: unknown): number => Math.round(Number(ts) * 1e6);

const isTrue = (value: unknown): boolean => value === true || value === 'true' || value === '1' || value === 1;

/** A message as the Web API shows it. A deleted one that has replies is a tombstone. */
function shown(workspace: SlackWorkspace, message: WorkspaceMessage, withMetadata: boolean): object {
  const { channel, isBroadcast, isDeleted, metadata, ...members } = message;
  const replies = repliesTo(workspace, message);
  const thread = replies.length > 0 && {
    thread_ts: message.ts,
    reply_count: replies.length,
    latest_reply: replies.at(-1)?.ts,
  };
  const { ts, user } = message;
  if (isDeleted) {
    return { type: 'message', subtype: 'tombstone', ts, user, text: 'This message was deleted.', ...thread };
  }
  return {
    type: 'message',
    ...(isBroadcast && { subtype: 'thread_broadcast' }),
    ...members,
    team: team.team_id,
    ...thread,
    ...(withMetadata && metadata && { metadata }),
  };
}
