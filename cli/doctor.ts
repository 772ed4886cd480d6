/** `notifier doctor`: is everything in place? Each line a tick, or a cross with what to do. */

import type { Command } from 'commander';
import { type Config, loadConfig } from '../lib/config/config.ts';
import { createHttp } from '../lib/platform/http.ts';
import { checkChannels } from './checks/channels.ts';
import { checkCooldowns } from './checks/cooldowns.ts';
import { checkEnvironments } from './checks/environments.ts';
import { type CheckContext, type Finding, no, sayWhy, unknown, yes } from './checks/finding.ts';
import { checkSecrets } from './checks/secrets.ts';
import { checkTable } from './checks/table.ts';
import { checkWebhook } from './checks/webhook.ts';
import { type Answer, addCommand, type CommonOptions, show } from './command.ts';
import { verdictLine } from './output.ts';
import { adopt, configuration, depsOf, findTarget, regionOf, type Target } from './target.ts';

export function addDoctor(program: Command): void {
  addCommand(program, 'doctor')
    .description('check the configuration, the secrets, Sitecore, the table, the channels and the webhook')
    .addHelpText(
      'after',
      '\nSends no message. A line is a tick, a cross with what to do, or - where it could not be told, and why.',
    )
    .action(async (options: CommonOptions) => {
      const { answer, redact } = await doctor(options);
      show(answer, options, redact);
    });
}

/** All checks at once, in a fixed order. One that fails hides no other. */
export async function doctor(options: CommonOptions): Promise<{ answer: Answer; redact: (text: string) => string }> {
  const [notifier, target] = await checkNotifier(options);
  adopt(target ?? { env: { AWS_REGION: regionOf(options, process.env) } });
  const [configured, config] = await checkConfiguration();
  const deps = config && (await depsOf({ TABLE_NAME: 'unknown', ...process.env }));
  const context = config && deps && { target, deps, config, http: createHttp() };
  const outside = (check: (context: CheckContext) => Promise<Finding[]>, what: string) =>
    context ? check(context) : [unknown(what, 'the configuration is not valid')];

  const groups = await Promise.all([
    [notifier, configured],
    outside(checkSecrets, 'secrets'),
    outside(checkEnvironments, 'environments'),
    target ? checkTable(target) : [unknown('table', 'no notifier is known')],
    outside(checkChannels, 'channels'),
    outside(checkWebhook, 'webhook'),
    context ? checkCooldowns(context) : [],
  ]);
  return { answer: answerOf(groups.flat()), redact: deps?.redact ?? String };
}

async function checkNotifier(options: CommonOptions): Promise<[Finding, Target | null]> {
  try {
    const target = await findTarget(options, process.env);
    return [yes('notifier', target.name), target];
  } catch (error) {
    return [no('notifier', sayWhy(error)), null];
  }
}

async function checkConfiguration(): Promise<[Finding, Config | null]> {
  const what = 'configuration';
  try {
    const config = loadConfig(await configuration(process.env));
    const { environments, channels } = config;
    return [yes(what, `valid: ${count(environments, 'environment')}, ${count(channels, 'channel')}`), config];
  } catch (error) {
    return [no(what, sayWhy(error)), null];
  }
}

function count(values: object, word: string): string {
  const { length } = Object.keys(values);
  return `${length} ${word}${length === 1 ? '' : 's'}`;
}

function answerOf(findings: Finding[]): Answer {
  const crosses = findings.filter(({ verdict }) => verdict === 'no').length;
  const end =
    crosses === 0
      ? 'All is well, as far as could be told.'
      : `${crosses === 1 ? 'One thing has' : `${crosses} things have`} to be mended.`;
  return {
    document: { ok: crosses === 0, findings },
    text: [...findings.map(({ verdict, what, said }) => verdictLine(verdict, what, said)), '', end].join('\n'),
    exitCode: crosses === 0 ? 0 : 1,
  };
}
