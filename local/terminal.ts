/** What `npm start` prints in the terminal: what runs, whether it works, and one line per event in aligned columns. */
import { styleText } from 'node:util';
import type { Trouble } from './troubles.ts';

/** What the first lines show. */
export interface Running {
  isDemo: boolean;
  url: string;
  environments: string[];
  /** Each with its type. */
  channels: { name: string; type: string }[];
  dataFolder: string;
  sweepMs: number;
  /** The file with the webhook's secret; null if the configuration contains the secrets. */
  secretFile: string | null;
  /** Shown once, after it was generated. */
  newSecret: string | null;
  /** The id of a job, for the example. */
  jobId: string;
}

/** One line of the self-check: a tick, or a cause with its remedy. `isWell` is null if it cannot be known. */
export interface SelfCheckLine {
  what: string;
  isWell: boolean | null;
  said: string;
}

/** Prints what is running, where, and what to try next. */
export function showRunning(running: Running): void {
  const { isDemo, url, environments, channels, dataFolder, sweepMs, secretFile, newSecret, jobId } = running;
  const secret = secretFile === null ? '$WEBHOOK_SECRET' : `$(cat ${secretFile})`;
  const facts: [string, string][] = [
    ['page', styleText('cyan', url)],
    ['webhook', `${url}: POST /jobs, GET /jobs/{jobId}, POST /wake, GET /health`],
    [
      'secret',
      secretFile === null ? 'from the configuration' : `${secretFile}${newSecret ? ` (new: ${newSecret})` : ''}`,
    ],
    ['environments', environments.join(', ')],
    ['channels', channels.map(({ name, type }) => `${name} (${type})`).join(', ')],
    ['sweep', `every ${sweepMs / 1000} s`],
    ['data', `${dataFolder} (table, notifier.log)`],
  ];
  say(
    '',
    `${styleText('bold', 'publishing-job-notifier')}  ${isDemo ? 'demo: notifier.yml has no credentials, so Sitecore, Slack and SNS are simulated' : 'watching'}`,
    '',
  );
  say(...facts.map(([name, value]) => `  ${styleText('dim', name.padEnd(13))} ${value}`), '');
  if (isDemo) {
    say(
      styleText('dim', 'Start another job (completed, completedWithWarnings, publishedNothing, failed, canceled):'),
      `  curl -X POST ${url}/simulation/jobs -d '{"outcome":"failed"}'`,
    );
  }
  say(
    styleText('dim', 'Hand over a job, as a pipeline does:'),
    `  curl -X POST ${url}/jobs -H "Authorization: Bearer ${secret}" \\`,
    `    -H 'Content-Type: application/json' -d '{"jobId":"${jobId}","environment":"${environments[0] ?? ''}"}'`,
    '',
  );
}

/** Prints the results of the self-check and the number of problems. */
export function showSelfCheck(lines: SelfCheckLine[]): void {
  const width = Math.max(...lines.map(({ what }) => what.length));
  const troubles = lines.filter(({ isWell }) => isWell === false).length;
  const end =
    troubles === 0
      ? styleText('green', 'self-check: everything that can be checked works')
      : styleText('red', `self-check: ${troubles === 1 ? 'one problem' : `${troubles} problems`}`);
  say(
    ...lines.map(({ what, isWell, said }) => `  ${signOf(isWell)} ${what.padEnd(width)}  ${oneLine(said, 400)}`),
    `  ${end}`,
    '',
  );
}

const signOf = (isWell: boolean | null): string =>
  isWell === null ? styleText('dim', '-') : isWell ? styleText('green', '✓') : styleText('red', '✗');

/** An event, printed as one line. */
export interface TerminalEvent {
  kind: 'watching' | 'discovered' | 'sent' | 'waiting' | 'dead' | 'broken' | 'works' | 'sweep';
  /** The environment or the channel. */
  where: string;
  text: string;
}

/** Makes the function that prints events. The columns are as wide as the longest of these names. */
export function createEventLines(names: string[]): (event: TerminalEvent) => void {
  const width = Math.max(0, ...names.map((name) => name.length));
  return ({ kind, where, text }) => {
    const style = kind === 'sent' ? colorOf(text) : styles[kind];
    const max = kind === 'broken' ? 600 : 200;
    say(
      `${time()}  ${styleText(style, `${signs[kind]} ${kind.padEnd(10)}`)}  ${where.padEnd(width)}  ${oneLine(text, max)}`,
    );
  };
}

/** Makes the function that prints problems: cause and remedy when one begins, and its duration when it is over. */
export function createTroubleLines(show: (event: TerminalEvent) => void): (troubles: Trouble[]) => void {
  const open = new Map<string, { trouble: Trouble; from: number }>();
  return (troubles) => {
    const now = new Map(troubles.map((trouble) => [`${trouble.kind} ${trouble.name}`, trouble]));
    for (const [key, trouble] of now) {
      const from = trouble.since === null ? Date.now() : Date.parse(trouble.since);
      if (!open.has(key)) {
        show({ kind: 'broken', where: trouble.name, text: `${sentence(trouble.reason)} ${trouble.remedy}` });
      }
      open.set(key, { trouble, from: open.get(key)?.from ?? from });
    }
    for (const [key, { trouble, from }] of open) {
      if (now.has(key)) continue;
      open.delete(key);
      show({
        kind: 'works',
        where: trouble.name,
        text: `the ${trouble.kind} works again, after ${inWords(Date.now() - from)}`,
      });
    }
  };
}

/** Prints an error in one line, and repeats the same error only after a minute. */
export function createErrorLine(): (line: string) => void {
  const shownAt = new Map<string, number>();
  return (line) => {
    if (Date.now() - (shownAt.get(line) ?? 0) < 60_000) return;
    // The lines contain times and ids, so their number is not limited.
    if (shownAt.size > 1000) shownAt.clear();
    shownAt.set(line, Date.now());
    process.stderr.write(
      `${time()}  ${styleText('red', 'error', { stream: process.stderr })}  ${oneLine(line, 300)}\n`,
    );
  };
}

/** Writes lines to the terminal, because `console` goes to the log file. */
const say = (...lines: string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

const signs: Record<TerminalEvent['kind'], string> = {
  watching: '·',
  discovered: '·',
  sent: '✓',
  waiting: '…',
  dead: '✗',
  broken: '✗',
  works: '✓',
  sweep: '·',
};

const styles: Record<Exclude<TerminalEvent['kind'], 'sent'>, Parameters<typeof styleText>[0]> = {
  watching: 'dim',
  discovered: 'cyan',
  waiting: 'yellow',
  dead: 'red',
  broken: 'red',
  works: 'green',
  sweep: 'dim',
};

const colors = [
  [/^Completed in /, 'green'],
  [/^(Completed|Late|Stuck)/, 'yellow'],
  [/^Failed|^Lost/, 'red'],
  [/^Canceled/, 'gray'],
] as const;

const colorOf = (title: string) => colors.find(([words]) => words.test(title))?.[1] ?? 'green';

const time = (): string => styleText('dim', new Date().toTimeString().slice(0, 8));

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

// Text from outside must not control the terminal.
function oneLine(text: string, max: number): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim();
  return clean.length <= max ? clean : `${clean.slice(0, max - 1)}…`;
}
