/** Keeps secrets out of logs, errors, responses and the table, also where a server repeats them in an encoding of its own. */

/** Replaces every secret that it has learned. It ignores secrets of fewer than 4 characters: they would garble any text. */
export interface Redactor {
  (text: string): string;
  /** Learns a secret. Of an address, the path and the parts that look like secrets are secrets of their own. */
  learn(secret: string): void;
}

/**
 * A secret is recognized as it is, and in percent, form, JSON and HTML encoding, also in one within another. In base64, it is
 * recognized wherever it begins.
 */
export function createRedactor(): Redactor {
  const learned = new Set<string>();
  let forms: string[] = [];
  let anyForm: RegExp | undefined;

  // Every log line comes here, and almost none holds a secret: this search needs no positions.
  const mayHold = (text: string): boolean => {
    anyForm ??= new RegExp(forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'));
    for (const layer of layersOf({ text }, decode)) if (anyForm.test(layer.text)) return true;
    return false;
  };
  const redact = (text: string): string => {
    if (forms.length === 0 || !mayHold(text)) return text;
    const spans: Span[] = [];
    for (const layer of layersOf({ text, start: null, end: null }, decodeWithPositions)) {
      for (const form of forms) findIn(layer, form, spans);
    }
    return withoutSpans(text, spans);
  };
  const learn = (secret: string): void => {
    if (learned.has(secret)) return;
    learned.add(secret);
    const all = [secret, ...secretPartsOf(secret)].filter((one) => one.length >= shortest);
    forms = [...new Set([...forms, ...all.flatMap(formsOf)])];
    anyForm = undefined;
  };
  return Object.assign(redact, { learn });
}

const shortest = 4;

/** The path of an address, with and without its query, and those parts of both that look random rather than named. */
function secretPartsOf(secret: string): string[] {
  if (!/^https?:\/\/./.test(secret) || !URL.canParse(secret)) return [];
  const { pathname, search, searchParams } = new URL(secret);
  const parts = [...pathname.split('/'), ...searchParams.values()];
  const isRandom = (part: string): boolean => part.length >= 20 || (part.length >= 8 && /\d/.test(part));
  return [...[pathname + search, pathname].filter((path) => path.length >= 8), ...parts.filter(isRandom)];
}

function formsOf(secret: string): string[] {
  // A server may have decoded what is encoded in the secret itself.
  const plain = [...layersOf({ text: secret }, decode)].flatMap(({ text }) => [text, text.toWellFormed()]);
  const asForm = plain.map((text) => text.replaceAll(' ', '+'));
  return [...plain, ...asForm, ...base64Of(secret)].filter((form) => form.length >= shortest);
}

/** The characters of base64 that depend on the secret alone, for each of the three places in a group where it may begin. */
const base64Of = (secret: string): string[] =>
  [0, 1, 2].flatMap((shift) => {
    const bytes = Buffer.from(' '.repeat(shift) + secret);
    const [from, to] = [Math.ceil((shift * 8) / 6), Math.floor((bytes.length * 8) / 6)];
    return [bytes.toString('base64'), bytes.toString('base64url')].map((text) => text.slice(from, to));
  });

const percent = /%[0-7][0-9a-f]|(?:%[89a-f][0-9a-f])+/gi;
const json = /\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|.)/gis;
const html = /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos);/gi;
/** Enough for any three encodings, one within another. */
const mostLayers = 40;

/** A text, and what it may be with its encodings removed, one after the other in any order. */
function* layersOf<One extends { text: string }>(
  first: One,
  without: (one: One, encoding: RegExp) => One,
): Generator<One> {
  const layers = [first];
  const seen = new Set([first.text]);
  for (const layer of layers) {
    yield layer;
    if (!/[%\\&]/.test(layer.text)) continue;
    for (const encoding of [percent, json, html]) {
      const next = layers.length < mostLayers ? without(layer, encoding) : layer;
      if (seen.has(next.text)) continue;
      seen.add(next.text);
      layers.push(next);
    }
  }
}

const decode = ({ text }: { text: string }, encoding: RegExp) => ({ text: text.replace(encoding, meaningOf) });

/** A text, and for each of its characters where it begins and ends in the original; null: it is the original. */
interface Layer {
  text: string;
  start: number[] | null;
  end: number[] | null;
}

function decodeWithPositions({ text, start, end }: Layer, encoding: RegExp): Layer {
  const layer = { text: '', start: [] as number[], end: [] as number[] };
  const add = (meaning: string, from: number, to: number): void => {
    layer.text += meaning;
    for (let unit = 0; unit < meaning.length; unit += 1) {
      layer.start.push(start?.[from] ?? from);
      layer.end.push(end?.[to - 1] ?? to);
    }
  };
  let at = 0;
  for (const { 0: sequence, index } of text.matchAll(encoding)) {
    for (; at < index; at += 1) add(text.charAt(at), at, at + 1);
    at = index + sequence.length;
    add(meaningOf(sequence), index, at);
  }
  for (; at < text.length; at += 1) add(text.charAt(at), at, at + 1);
  return layer;
}

type Span = [start: number, end: number];

function findIn({ text, start, end }: Layer, form: string, spans: Span[]): void {
  for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + form.length)) {
    const last = at + form.length - 1;
    spans.push([start?.[at] ?? at, end?.[last] ?? last + 1]);
  }
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const controls: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** What an escape sequence stands for. */
function meaningOf(sequence: string): string {
  const [sign, next = ''] = sequence;
  if (sign === '%') return Buffer.from(sequence.replaceAll('%', ''), 'hex').toString();
  if (sign === '\\') {
    return sequence.length > 2 ? String.fromCharCode(Number.parseInt(sequence.slice(2), 16)) : (controls[next] ?? next);
  }
  const name = sequence.slice(1, -1).toLowerCase();
  if (!name.startsWith('#')) return named[name] ?? '';
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD';
}

function withoutSpans(text: string, spans: Span[]): string {
  let redacted = '';
  let done = 0;
  for (const [start, end] of spans.sort(([one], [other]) => one - other)) {
    if (start >= done) redacted += `${text.slice(done, start)}[redacted]`;
    done = Math.max(done, end);
  }
  return redacted + text.slice(done);
}
