/** Slack's text format, taken apart: https://docs.slack.dev/messaging/formatting-message-text/ */

/** Plain text, or a part with a meaning: the tag of the HTML element that shows it, and `mention`. */
export type Piece = string | { tag: Tag; href?: string; pieces: Piece[] };
type Tag = 'strong' | 'em' | 's' | 'code' | 'pre' | 'time' | 'mention' | 'a';

const emphasis: Record<string, Tag> = { '*': 'strong', _: 'em', '~': 's' };
const before = '(?<=^|[\\s(\\[{"\'.,;:!?>-])';
const after = '(?=$|[\\s)\\]}"\'.,;:!?<-])';

// Marks stand at the edges of words. A word joiner (U+2060) behind one takes its meaning away.
const around = (mark: string): string =>
  `${before}\\${mark}(?=[^\\s\\u2060${mark}])[^\\${mark}\\n]*[^\\s\\${mark}]\\${mark}${after}`;
const special = new RegExp(
  `(\`\`\`[\\s\\S]+?\`\`\`|\`[^\`\\n]+\`|<[^<>\\n]+>|${Object.keys(emphasis).map(around).join('|')})`,
);

/** Takes a text apart; dates are written out as of `now`, in the zone of whoever reads. */
export function parseMrkdwn(text: string, now = new Date()): Piece[] {
  // Split at a pattern with one group gives the matches at the odd places.
  return text
    .split(special)
    .map((part, index) => (index % 2 === 0 ? unescaped(part) : parseSpecial(part, now)))
    .filter((piece) => piece !== '');
}

function parseSpecial(part: string, now: Date): Piece {
  if (part.startsWith('```')) return { tag: 'pre', pieces: [unescaped(part.slice(3, -3))] };
  if (part.startsWith('`')) return { tag: 'code', pieces: [unescaped(part.slice(1, -1))] };
  const inner = part.slice(1, -1);
  const tag = emphasis[part.charAt(0)];
  return tag ? { tag, pieces: parseMrkdwn(inner, now) } : parseAngled(inner, now);
}

/** What stands in angle brackets: a date, a mention or a link, each with its text behind a bar. */
function parseAngled(content: string, now: Date): Piece {
  const [target = '', label] = content.split(/\|(.*)/s);
  const date = /^!date\^(\d+)\^([^^]+)/.exec(target);
  if (date) return { tag: 'time', pieces: [formatDate(new Date(Number(date[1]) * 1000), date[2] ?? '', now)] };
  const mention = /^(?:!(?:subteam\^)?|[@#])(.+)$/.exec(target)?.[1];
  if (mention)
    return { tag: 'mention', pieces: [`${target.startsWith('#') ? '#' : '@'}${unescaped(label ?? mention)}`] };
  const text = unescaped(label ?? target);
  // Only what Slack makes a link of; `javascript:` is not among it.
  return /^(https?|mailto):/.test(target) ? { tag: 'a', href: unescaped(target), pieces: [text] } : text;
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** https://docs.slack.dev/messaging/formatting-message-text/#date-formatting */
function formatDate(date: Date, format: string, now: Date): string {
  const day = (options: Intl.DateTimeFormatOptions) => date.toLocaleDateString([], options);
  const long = () => day({ day: 'numeric', month: 'long', year: 'numeric' });
  const short = () => day({ day: 'numeric', month: 'short', year: 'numeric' });
  const pretty = (otherwise: () => string) => () =>
    date.toDateString() === now.toDateString() ? 'today' : otherwise();
  const tokens: Record<string, () => string> = {
    date: long,
    date_num: () => day({ day: '2-digit', month: '2-digit', year: 'numeric' }),
    date_short: short,
    date_long: long,
    date_pretty: pretty(long),
    date_short_pretty: pretty(short),
    date_long_pretty: pretty(long),
    time: () => date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' }),
    time_secs: () => date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit', second: '2-digit' }),
  };
  const text = format.replace(/\{(\w+)\}/g, (token, name: string) => tokens[name]?.() ?? token);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
