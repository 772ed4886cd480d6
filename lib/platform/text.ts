/** Foreign text, made fit to be stored and shown. */

// Control characters, and those that turn the direction of what follows (they make a name read as another one).
const unprintable = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu;

/** Text on one line, without control characters, and cut. */
export const clean = (text: string, max: number): string =>
  cut(text.toWellFormed().replace(unprintable, ' ').trim(), max);

/** Cuts text to at most `max` UTF-16 units, never within a character, and shows that it was cut. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  let kept = '';
  for (const character of text) {
    if (kept.length + character.length > max - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
