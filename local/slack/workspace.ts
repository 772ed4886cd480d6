/** A Slack workspace in memory: its conversations, their messages, its people, and the one app that is installed. */
import { randomBytes } from 'node:crypto';
import type { SlackAttachment, SlackBlock } from './payload.ts';

/** A channel, a private channel, or the direct messages between the app and a person. */
export interface Conversation {
  id: string;
  name: string;
  kind: 'channel' | 'private' | 'im';
  /** Whether the app is a member. */
  isMember: boolean;
  isArchived: boolean;
  /** The other person of a direct message. */
  user?: string;
}

/** A message as it stands now. A deleted one stays, marked. */
export interface WorkspaceMessage {
  channel: string;
  /** The id of the message in its conversation: epoch seconds with six decimals. */
  ts: string;
  user: string;
  bot_id?: string;
  app_id?: string;
  text: string;
  blocks?: SlackBlock[];
  attachments?: SlackAttachment[];
  metadata?: MessageMetadata;
  /** The `ts` of the message that it replies to. */
  thread_ts?: string;
  /** Whether a reply is shown in the channel too. */
  isBroadcast: boolean;
  /** Who changed its text last, and when. */
  edited?: { user: string; ts: string };
  isDeleted: boolean;
}

/** What happened to a message. */
export type MessageChange = 'posted' | 'edited' | 'deleted';

/** Data that only apps see: https://docs.slack.dev/messaging/message-metadata/ */
export interface MessageMetadata {
  event_type: string;
  event_payload: Record<string, unknown>;
}

/** The app, as it is installed. */
export interface InstalledApp {
  /** The token of its bot. Another value is a new installation; the old token is then unknown. */
  token: string;
  isRevoked: boolean;
  scopes: Set<string>;
  readonly appId: string;
  readonly botId: string;
  readonly userId: string;
}

/** The workspace. Its `app` and its conversations are changed in place. */
export interface SlackWorkspace {
  app: InstalledApp;
  /** The public channel that exists from the start, with the app as a member. */
  room: Conversation;
  conversations: Map<string, Conversation>;
  /** The ids of the people whom the app can write to. */
  people: Set<string>;
  /** Whether messages can still be edited: a setting of the workspace. */
  isEditingAllowed: boolean;
  /** Everything that was ever posted, in order; each as it stands now. */
  messages: WorkspaceMessage[];
  addConversation: (values: Pick<Conversation, 'id' | 'name'> & Partial<Conversation>) => Conversation;
  /** Opens the direct messages between the app and a person. */
  openDirectMessages: (user: string) => Conversation;
  /** Posts for anybody; the app itself uses `chat.postMessage`. */
  post: (message: Pick<WorkspaceMessage, 'channel' | 'user' | 'text'> & Partial<WorkspaceMessage>) => WorkspaceMessage;
  edit: (message: WorkspaceMessage, values: Partial<WorkspaceMessage>) => void;
  /** Deletes a message, as a person does. Its replies stay. */
  deleteMessage: (message: WorkspaceMessage) => void;
  /** Finds a message that was not deleted. */
  find: (channel: string, ts: unknown) => WorkspaceMessage | undefined;
}

const allScopes = [
  'chat:write',
  'im:write',
  ...['channels', 'groups', 'im'].flatMap((kind) => [`${kind}:read`, `${kind}:history`]),
];

/** Makes a workspace with one channel. `onChange` is called with each message that is posted, edited or deleted. */
export function createSlackWorkspace({
  now = Date.now,
  onChange = () => undefined,
}: {
  /** Epoch milliseconds. */
  now?: () => number;
  onChange?: (message: WorkspaceMessage, change: MessageChange) => void;
} = {}): SlackWorkspace {
  let lastMicros = 0;
  const nextTs = (): string => {
    lastMicros = Math.max(lastMicros + 1, now() * 1_000);
    return `${Math.floor(lastMicros / 1e6)}.${String(lastMicros % 1e6).padStart(6, '0')}`;
  };
  const conversations = new Map<string, Conversation>();
  const addConversation: SlackWorkspace['addConversation'] = (values) => {
    const added: Conversation = { kind: 'channel', isMember: true, isArchived: false, ...values };
    conversations.set(added.id, added);
    return added;
  };

  const workspace: SlackWorkspace = {
    app: {
      token: newToken(),
      isRevoked: false,
      scopes: new Set(allScopes),
      ...{ appId: 'A0NOTIFIER', botId: 'B0NOTIFIER', userId: 'U0NOTIFIER' },
    },
    room: addConversation({ id: 'C0PUBLISHING', name: 'publishing' }),
    conversations,
    people: new Set(['U0JANE', 'U0SAM']),
    isEditingAllowed: true,
    messages: [],
    addConversation,
    openDirectMessages: (user) => {
      const id = user.replace(/^./, 'D');
      return conversations.get(id) ?? addConversation({ id, name: user, kind: 'im', user });
    },
    post: (values) => {
      const message = { isBroadcast: false, isDeleted: false, ...values, ts: nextTs() };
      workspace.messages.push(message);
      onChange(message, 'posted');
      return message;
    },
    edit: (message, values) => {
      // Slack marks a message as edited only when its text changes.
      const isMarked = values.text !== undefined && values.text !== message.text;
      Object.assign(message, values, isMarked && { edited: { user: message.user, ts: nextTs() } });
      onChange(message, 'edited');
    },
    deleteMessage: (message) => {
      message.isDeleted = true;
      onChange(message, 'deleted');
    },
    find: (channel, ts) => workspace.messages.find((one) => one.channel === channel && one.ts === ts && !one.isDeleted),
  };
  return workspace;
}

/** A token of a bot that only this workspace knows. */
export const newToken = (): string => `xoxb-${randomBytes(12).toString('hex')}`;
