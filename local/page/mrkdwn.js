/** A parser for Slack's text format: https://docs.slack.dev/messaging/formatting-message-text/ */

const emphasis = { '*': 'strong', _: 'em', '~': 's' };
const before = '(?<=^|[\\s(\\[{"\'.,;:!?>-])';
const after = '(?=$|[\\s)\\]}"\'.,;:!?<-])';

// Markup is at the edges of words. A word joiner (U+2060) after a character disables it.
const around = (mark) => `${before}\\${mark}(?=[^\\s\\u2060${mark}])[^\\${mark}\\n]*[^\\s\\${mark}]\\${mark}${after}`;
const special = new RegExp(
  `(\`\`\`[\\s\\S]+?\`\`\`|\`[^\`\\n]+\`|<[^<>\\n]+>|${Object.keys(emphasis).map(around).join('|')})`,
);

/** Parses a text. Dates become text relative to `now`, in the reader's time zone. */
export function parseMrkdwn(text, now = new Date()) {
  // Splitting at a pattern with one group puts the matches at odd indexes.
  return text
    .split(special)
    .map((part, index) => (index % 2 === 0 ? unescaped(part) : parseSpecial(part, now)))
    .filter((piece) => piece !== '');
}

function parseSpecial(part, now) {
  if (part.startsWith('```')) return { tag: 'pre', pieces: [unescaped(part.slice(3, -3))] };
  if (part.startsWith('`')) return { tag: 'code', pieces: [unescaped(part.slice(1, -1))] };
  const inner = part.slice(1, -1);
  const tag = emphasis[part.charAt(0)];
  return tag ? { tag, pieces: parseMrkdwn(inner, now) } : parseAngled(inner, now);
}

/** A date, a mention or a link in angle brackets, each with its text after a bar. */
function parseAngled(content, now) {
  const [target = '', label] = content.split(/\|(.*)/s);
  const date = /^!date\^(\d+)\^([^^]+)/.exec(target);
  if (date) return { tag: 'time', pieces: [formatDate(new Date(Number(date[1]) * 1000), date[2] ?? '', now)] };
  const mention = /^(?:!(?:subteam\^)?|[@#])(.+)$/.exec(target)?.[1];
  if (mention) {
    return { tag: 'mention', pieces: [`${target.startsWith('#') ? '#' : '@'}${unescaped(label ?? mention)}`] };
  }
  const text = unescaped(label ?? target);
  // Only the schemes that Slack links; `javascript:` is not one of them.
  return /^(https?|mailto):/.test(target) ? { tag: 'a', href: unescaped(target), pieces: [text] } : text;
}

const unescaped = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** https://docs.slack.dev/messaging/formatting-message-text/#date-formatting */
function formatDate(date, format, now) {
  const day = (options) => date.toLocaleDateString([], options);
  const long = () => day({ day: 'numeric', month: 'long', year: 'numeric' });
  const short = () => day({ day: 'numeric', month: 'short', year: 'numeric' });
  const pretty = (otherwise) => () => (date.toDateString() === now.toDateString() ? 'today' : otherwise());
  const tokens = {
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
  const text = format.replace(/\{(\w+)\}/g, (token, name) => tokens[name]?.() ?? token);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
