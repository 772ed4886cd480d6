/** What `npm start` prints in the terminal. */
import { styleText } from 'node:util';
import type { TopicMessage } from './embedded-topic.ts';
import type { SlackMessage } from './slack-server.ts';

/** What the first lines show. */
export interface Running {
  isDemo: boolean;
  url: string;
  environments: string[];
  channels: string[];
  dataFolder: string;
  sweepMs: number;
  /** The file with the webhook's secret; null if the configuration contains the secrets. */
  secretFile: string | null;
  /** Shown once, after it was generated. */
  newSecret: string | null;
  /** The id of a job, for the example. */
  jobId: string;
}

/** Prints what is running, where, and what to try next. */
export function showRunning(running: Running): void {
  const { isDemo, url, environments, channels, dataFolder, sweepMs, secretFile, newSecret, jobId } = running;
  const secret = secretFile === null ? '$WEBHOOK_SECRET' : `$(cat ${secretFile})`;
  const facts: [string, string][] = [
    ['page', styleText('cyan', url)],
    ['webhook', `${url}: POST /jobs, GET /jobs/{jobId}, POST /wake`],
    [
      'secret',
      secretFile === null ? 'from the configuration' : `${secretFile}${newSecret ? ` (new: ${newSecret})` : ''}`,
    ],
    ['environments', environments.join(', ')],
    ['channels', channels.join(', ')],
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

/** Prints a message of the simulated Slack in one line. */
export function showSlackMessage({ hook, payload }: SlackMessage): void {
  const title = payload.blocks?.find(({ type }) => type === 'header')?.text?.text;
  showMessage(title ?? payload.text ?? '', `Slack, ${hook}`);
}

/** Prints a message of the local topic in one line. */
export const showTopicMessage = ({ email }: TopicMessage): void => showMessage(email, 'SNS, events');

/** Prints a job that discovery found. */
export const showDiscovered = (name: string): void =>
  say(`${time()}  ${styleText('cyan', oneLine(`Discovered: ${name}`, 100))}  ${styleText('dim', '(not handed over)')}`);

/** Prints what a sweep did, unless it did nothing. */
export function showSweep({ changed, sent }: { changed: number; sent: number }): void {
  if (changed > 0 || sent > 0) say(`${time()}  ${styleText('dim', `sweep: ${changed} changed, ${sent} sent`)}`);
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

const colors = [
  [/^Completed:/, 'green'],
  [/^(Completed|Late|Stuck)/, 'yellow'],
  [/^Failed|^Lost/, 'red'],
  [/^Canceled/, 'gray'],
] as const;

function showMessage(text: string, channel: string): void {
  const [firstLine = ''] = text.split('\n');
  const color = colors.find(([words]) => words.test(firstLine))?.[1] ?? 'reset';
  say(`${time()}  ${styleText(color, oneLine(firstLine, 100))}  ${styleText('dim', `→ ${channel}`)}`);
}

const time = (): string => styleText('dim', new Date().toTimeString().slice(0, 8));

// Text from outside must not control the terminal.
function oneLine(text: string, max: number): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim();
  return clean.length <= max ? clean : `${clean.slice(0, max - 1)}…`;
}
