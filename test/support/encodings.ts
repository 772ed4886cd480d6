/** The usual encodings in which a server may repeat a text that it was sent. */

const percent = (text: string): string => encodeURIComponent(text.toWellFormed());
const each = (text: string, encode: (unit: number) => string): string =>
  text
    .split('')
    .map((unit) => encode(unit.charCodeAt(0)))
    .join('');
const hex = (code: number, length = 2): string => code.toString(16).padStart(length, '0');
const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '/': '&#x2F;',
};

export const encodings: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'in percent encoding': percent,
  'in lower-case percent encoding': (text) => percent(text).replace(/%../g, (one) => one.toLowerCase()),
  'with every byte in percent encoding': (text) => [...Buffer.from(text)].map((byte) => `%${hex(byte)}`).join(''),
  'as a form sends it': (text) => new URLSearchParams({ '': text }).toString().slice(1),
  'in JSON': (text) => JSON.stringify(text).slice(1, -1),
  'in JSON with escaped slashes': (text) => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  'in JSON with every character escaped': (text) => each(text, (unit) => `\\u${hex(unit, 4).toUpperCase()}`),
  'in HTML': (text) => text.replace(/[&<>"'/]/g, (one) => entities[one] ?? one),
  'with every character a decimal entity': (text) => each(text, (unit) => `&#${unit};`),
  'with every character a hexadecimal entity': (text) => each(text, (unit) => `&#x${hex(unit)};`),
  ...Object.fromEntries(
    ['', 'x', 'xy', 'xyz: '].map((before) => [
      `in base64, after ${before.length} other characters`,
      (text: string) => Buffer.from(`${before}${text} and more`).toString('base64'),
    ]),
  ),
  'in base64 for an address': (text) => Buffer.from(text).toString('base64url'),
};
