/** What Slack accepts as a message: its text, its blocks and its attachments, with their limits. */

/** A message as it is sent to Slack. */
export interface SlackPayload {
  text?: string;
  blocks?: SlackBlock[];
  attachments?: SlackAttachment[];
  [member: string]: unknown;
}

/** An attachment: blocks, or a text, beside a bar in its color. */
export interface SlackAttachment {
  color?: string;
  fallback?: string;
  text?: string;
  blocks?: SlackBlock[];
  [member: string]: unknown;
}

/** A block of Block Kit: the members that this server checks. */
export interface SlackBlock {
  type?: string;
  text?: SlackText;
  fields?: SlackText[];
  elements?: SlackElement[];
  [member: string]: unknown;
}

/** A text object of Block Kit. */
export interface SlackText {
  type?: string;
  text?: string;
  [member: string]: unknown;
}

/** An element of a context block (a text object) or of an actions block (a button). */
export interface SlackElement extends Omit<SlackText, 'text'> {
  text?: string | SlackText;
  url?: string;
}

/** The code with which Slack refuses a payload; null if it accepts it. */
export function refusalOf({ text, blocks, attachments }: SlackPayload): string | null {
  if (!text && !blocks?.length && !attachments?.length) return 'no_text';
  if (attachments !== undefined && !(Array.isArray(attachments) && attachments.length <= 100)) {
    return 'invalid_attachments';
  }
  const lists = [blocks, ...(attachments ?? []).map((attachment) => attachment.blocks)];
  const given = lists.filter((list) => list !== undefined);
  if (given.some((list) => !Array.isArray(list) || list.length > 50)) return 'invalid_blocks';
  const all = given.flat();
  // Undocumented but observed: Slack refuses blocks that are too long together, even if each is within its limits.
  if (JSON.stringify(all).length > 13_200) return 'invalid_blocks';
  const ids = all.flatMap(({ block_id }) => (block_id === undefined ? [] : [block_id]));
  return all.every(isBlock) && new Set(ids).size === ids.length ? null : 'invalid_blocks';
}

function isBlock(block: SlackBlock): boolean {
  switch (block.type) {
    case 'divider':
      return true;
    case 'header':
      return isText(block.text, 150) && block.text?.type === 'plain_text';
    case 'section':
      return (
        (block.text !== undefined || block.fields !== undefined) &&
        (block.text === undefined || isText(block.text, 3000)) &&
        (block.fields === undefined || areTexts(block.fields, 2000))
      );
    case 'context':
      return areTexts(block.elements, 3000);
    case 'actions':
      return isList(block.elements, 25) && block.elements.every(isButton);
    default:
      return false;
  }
}

function isButton({ type, text, url }: SlackElement): boolean {
  return type === 'button' && isText(text, 75) && typeof text === 'object' && (url === undefined || url.length <= 3000);
}

const isList = <Item>(list: Item[] | undefined, limit: number): list is Item[] =>
  Array.isArray(list) && list.length > 0 && list.length <= limit;

const areTexts = (texts: SlackElement[] | undefined, limit: number): boolean =>
  isList(texts, 10) && texts.every((text) => isText(text, limit));

function isText(text: unknown, limit: number): boolean {
  if (typeof text !== 'object' || text === null) return false;
  const { type, text: content } = text as SlackText;
  if ((type !== 'plain_text' && type !== 'mrkdwn') || typeof content !== 'string') return false;
  const length = [...content].length;
  return length > 0 && length <= limit;
}
