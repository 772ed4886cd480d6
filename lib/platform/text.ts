/** Makes external text safe to store and to show. */

// Control characters, and characters that reverse the direction of text: they can make one name look like another.
const unprintable = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu;

/** One line of text without control characters, of at most `max` UTF-16 units. */
export const clean = (text: string, max: number): string =>
  cut(text.toWellFormed().replace(unprintable, ' ').trim(), max);

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
