/** Makes external text safe to store and to show. */

// Control characters, code points that never are characters, and characters that reverse the direction of text: they can
// make one name look like another.
const unprintable = /[\p{Cc}\p{NChar}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu;

/** One line of text that every channel accepts, without control characters, of at most `max` UTF-16 units. */
export const clean = (text: string, max: number): string =>
  cut(text.toWellFormed().replace(unprintable, ' ').trim(), max);

const notXml = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]|\p{NChar}/gu;

/**
 * Text of characters that XML can hold, the only ones that SQS and SNS accept in bodies and attributes. All others become
 * U+FFFD. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export const inXmlCharacters = (text: string): string => text.toWellFormed().replace(notXml, '\uFFFD');

/** Cuts text to at most `max` UTF-16 units, never within a character. An ellipsis marks the cut. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  let kept = '';
  for (const character of text) {
    if (kept.length + character.length > max - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/**
 * Escapes the three control characters of Slack, which other services share, and no others. Cut to at most `max` UTF-16
 * units, never within a character or an entity.
 */
export function escapedWithin(text: string, max: number): string {
  const whole = text.replace(/[&<>]/g, (character) => entities[character] ?? character);
  if (whole.length <= max) return whole;
  let kept = '';
  for (const character of text) {
    const next = entities[character] ?? character;
    if (kept.length + next.length > max - 1) break;
    kept += next;
  }
  return `${kept}…`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
