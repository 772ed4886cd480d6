/** The queries of docs/operations.md for CloudWatch, Logs Insights. */

/** The code of the section "Queries". */
export function queriesIn(operations: string): string[] {
  const [, section = ''] = /\n### Queries\n([\s\S]+?)\n## /.exec(operations) ?? [];
  return [...section.matchAll(/```\n([\s\S]+?)\n```/g)].map(([, code = '']) => code);
}

/** The log messages that a query names; empty: it is about lines with any message. */
export const messagesIn = (query: string): string[] =>
  [...(/^filter message (?:=|in) ("[^"]+"|\[[^\]]+\])/.exec(query)?.[1]?.matchAll(/"([^"]+)"/g) ?? [])].map(
    ([, message = '']) => message,
  );

/** What a query says that is not the name of a member. */
const words = new Set('filter and in as by stats sort display desc count sum max pct bin ispresent like'.split(' '));

/** The members of log lines that a query reads. */
export function membersIn(query: string): string[] {
  const bare = query.replaceAll(/"[^"]*"|\/[^/]+\/|bin\(\w+\)|@\w+/g, '');
  const aliases = new Set([...bare.matchAll(/ as (\w+)/g)].map(([, alias]) => alias));
  const names = bare.match(/[a-zA-Z][\w.]*/g) ?? [];
  return [...new Set(names)].filter((name) => !words.has(name) && !aliases.has(name));
}
