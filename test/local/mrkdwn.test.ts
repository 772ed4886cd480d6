import { expect, test } from 'vitest';
import { type Piece, parseMrkdwn } from '../../local/page/mrkdwn.js';

const moment = new Date(2026, 0, 1, 10, 4);
const seconds = moment.getTime() / 1000;

test.each<[string, string, Piece[]]>([
  ['marks at the edges of words', '*Took*\n9 s', [{ tag: 'strong', pieces: ['Took'] }, '\n9 s']],
  ['marks within marks', '*a _b_*', [{ tag: 'strong', pieces: ['a ', { tag: 'em', pieces: ['b'] }] }]],
  ['marks within words and between numbers mean nothing', 'a_b_c 2*3*4', ['a_b_c 2*3*4']],
  ['a mark that a word joiner follows means nothing', '*\u2060a*\u2060', ['*\u2060a*\u2060']],
  ['code is shown as it is', '`*a* &lt;b&gt;`', [{ tag: 'code', pieces: ['*a* <b>'] }]],
  ['a block of code', '```a\nb```', [{ tag: 'pre', pieces: ['a\nb'] }]],
  ['escaped text is text', '&lt;!channel&gt; &amp;amp; <', ['<!channel> &amp; <']],
  ['a mention of all', '<!here> look', [{ tag: 'mention', pieces: ['@here'] }, ' look']],
  ['a mention of a group', '<!subteam^S01|editors>', [{ tag: 'mention', pieces: ['@editors'] }]],
  ['a link', '<https://a.example/?b&amp;c|a job>', [{ tag: 'a', href: 'https://a.example/?b&c', pieces: ['a job'] }]],
  ['a link that runs a script is only text', '<javascript:alert(1)|a job>', ['a job']],
])('%s', (_, text, pieces) => {
  expect(parseMrkdwn(text)).toEqual(pieces);
});

test('a date is written in the zone of the reader', () => {
  const text = `<!date^${seconds}^{date_short_pretty} at {time}|never shown>`;
  const time = moment.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
  expect(parseMrkdwn(text, moment)).toEqual([{ tag: 'time', pieces: [`Today at ${time}`] }]);
  const [later] = parseMrkdwn(text, new Date(2026, 0, 3)) as [Exclude<Piece, string>];
  expect(later.pieces[0]).toMatch(/2026.* at /);
});
