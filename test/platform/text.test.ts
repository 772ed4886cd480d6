import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clean, cut, inXmlCharacters } from '../../lib/platform/text.ts';

const anything = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));

describe('cutting', () => {
  test.each<[text: string, max: number, expected: string]>([
    ['', 5, ''],
    ['short', 5, 'short'],
    ['longer', 5, 'long…'],
    ['ab', 1, '…'],
    ['𝔸𝔸𝔸', 6, '𝔸𝔸𝔸'],
    ['𝔸𝔸𝔸', 5, '𝔸𝔸…'],
    ['𝔸𝔸𝔸', 4, '𝔸…'],
    ['a𝔸𝔸', 4, 'a𝔸…'],
  ])('%j to %d is %j', (text, max, expected) => {
    expect(cut(text, max)).toBe(expected);
  });

  test('never exceeds the limit, never cuts a character in two, and marks the cut', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 20 }), (text, max) => {
        const result = cut(text, max);
        expect(result.length).toBeLessThanOrEqual(max);
        expect(result.isWellFormed()).toBe(text.isWellFormed() || result.isWellFormed());
        if (text.length <= max) expect(result).toBe(text);
        else expect(result.endsWith('…') && text.startsWith(result.slice(0, -1))).toBe(true);
      }),
    );
  });

  test('keeps as much as fits', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 20 }), (text, max) => {
        expect(cut(text, max).length).toBeGreaterThanOrEqual(Math.min(text.length, max - 1));
      }),
    );
  });
});

describe('cleaning', () => {
  test.each<[sentence: string, text: string, expected: string]>([
    ['keeps normal text', 'Nightly <b>&amp;</b> `site` 公開 👩‍👩‍👧 ', 'Nightly <b>&amp;</b> `site` 公開 👩‍👩‍👧'],
    ['makes one line', 'one\r\ntwo\tthree\u2028four\u2029five', 'one two three four five'],
    ['removes control characters', 'a\u0000\u0007b\u001b[31mc\u007f\u0085d', 'a b [31mc d'],
    ['removes characters that reverse the direction', 'invoice\u202egpj.exe \u2066x\u2069', 'invoice gpj.exe  x'],
    ['replaces halves of characters', 'a\ud83db', 'a\ufffdb'],
    ['leaves nothing of blanks', ' \n\t\u202e ', ''],
  ])('%s', (_, text, expected) => {
    expect(clean(text, 100)).toBe(expected);
  });

  test('makes any text one well-formed line within the limit', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 20 }), (text, max) => {
        const result = clean(text, max);
        expect(result.length).toBeLessThanOrEqual(max);
        expect(result.isWellFormed()).toBe(true);
        expect(result).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        expect(clean(result, max)).toBe(result.trim());
      }),
    );
  });
});

describe('all of Unicode, also halves of characters,', () => {
  /** As SQS and SNS document it for bodies and attributes; what Unicode reserves is no character either. */
  const isAccepted = (code: number): boolean =>
    [0x9, 0xa, 0xd].includes(code) ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd && !(code >= 0xfdd0 && code <= 0xfdef)) ||
    (code >= 0x10000 && code <= 0x10ffff && (code & 0xfffe) !== 0xfffe);
  const blocks = Array.from({ length: 0x110000 / 64 }, (_, block) =>
    Array.from({ length: 64 }, (_, index) => block * 64 + index),
  );
  // A space between two of them: halves would make a character.
  const textOf = (codes: number[]): string => codes.map((code) => String.fromCodePoint(code)).join(' ');
  const refused = (text: string): number[] =>
    [...text].map((one) => one.codePointAt(0) ?? 0).filter((code) => !isAccepted(code));

  test('becomes one line that SQS and SNS accept', () => {
    expect(blocks.flatMap((codes) => refused(clean(textOf(codes), 1_000)))).toEqual([]);
    expect(blocks.filter((codes) => /[\t\n\r]/.test(clean(textOf(codes), 1_000)))).toEqual([]);
  });

  test('becomes text that SQS and SNS accept, in which the accepted characters stay', () => {
    for (const codes of blocks) {
      const expected = codes.map((code) => (isAccepted(code) ? code : 0xfffd));
      if (inXmlCharacters(textOf(codes)) !== textOf(expected))
        expect(inXmlCharacters(textOf(codes))).toBe(textOf(expected));
    }
  });
});
