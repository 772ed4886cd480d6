/** `publishing-job-notifier doctor`: checks a notifier and prints one line per check, with a remedy for each problem. */

import type { Command } from 'commander';
import { type Config, loadConfig } from '../lib/config/config.ts';
import { createHttp } from '../lib/platform/http.ts';
import { checkChannels } from './checks/channels.ts';
import { checkCooldowns } from './checks/cooldowns.ts';
import { checkDeployment } from './checks/deployment.ts';
import { checkEnvironments } from './checks/environments.ts';
import { type CheckContext, type Finding, failed, messageOf, ok, unknown } from './checks/finding.ts';
import { checkSecrets } from './checks/secrets.ts';
import { checkTable } from './checks/table.ts';
import { checkWebhook } from './checks/webhook.ts';
import { addCommand, type CommandResult, type CommonOptions, printResult } from './command.ts';
import { verdictLine } from './output.ts';
import { applyTarget, configuration, findTarget, regionOf, type Target, wireTarget } from './target.ts';

export function addDoctor(program: Command): void {
  addCommand(program, 'doctor')
    .description('Check the configuration, secrets, Sitecore, table, channels and webhook')
    .addHelpText(
      'after',
      '\nSends no message. Prints one line per check: a tick; a cross with a remedy; or a dash with the reason why the\n' +
        'check could not run.',
    )
    .action(async (options: CommonOptions) => {
      const { result, redact } = await doctor(options);
      printResult(result, options, redact);
    });
}

/** Runs all checks at once and reports them in a fixed order. A failed check hides no other. */
export async function doctor(
  options: CommonOptions,
): Promise<{ result: CommandResult; redact: (text: string) => string }> {
  const [notifier, target] = await checkNotifier(options);
  applyTarget(
    target ?? { env: { AWS_REGION: regionOf(options, process.env), ...(options.stage && { STAGE: options.stage }) } },
  );
  const [configured, config] = await checkConfiguration();
  const deps = config && (await wireTarget({ TABLE_NAME: 'unknown', ...process.env }));
  const context = config && deps && { target, deps, config, http: createHttp() };
  const withContext = (check: (context: CheckContext) => Promise<Finding[]>, name: string) =>
    context ? check(context) : [unknown(name, 'the configuration is not valid')];

  const groups = await Promise.all([
    [notifier, configured],
    withContext(checkSecrets, 'secrets'),
    withContext(checkEnvironments, 'environments'),
    target ? checkTable(target) : [unknown('table', 'no notifier found')],
    withContext(checkChannels, 'channels'),
    withContext(checkWebhook, 'webhook'),
    context ? checkDeployment(context) : [],
    context ? checkCooldowns(context) : [],
  ]);
  return { result: resultOf(groups.flat()), redact: deps?.redact ?? String };
}

async function checkNotifier(options: CommonOptions): Promise<[Finding, Target | null]> {
  try {
    const target = await findTarget(options, process.env);
    return [ok('notifier', target.name), target];
  } catch (error) {
    return [failed('notifier', messageOf(error)), null];
  }
}

async function checkConfiguration(): Promise<[Finding, Config | null]> {
  const name = 'configuration';
  try {
    const config = loadConfig(await configuration(process.env));
    const { environments, channels } = config;
    return [ok(name, `valid: ${count(environments, 'environment')}, ${count(channels, 'channel')}`), config];
  } catch (error) {
    return [failed(name, messageOf(error)), null];
  }
}

function count(values: object, word: string): string {
  const { length } = Object.keys(values);
  return `${length} ${word}${length === 1 ? '' : 's'}`;
}

function resultOf(findings: Finding[]): CommandResult {
  const problems = findings.filter(({ verdict }) => verdict === 'failed').length;
  const summary =
    problems === 0 ? 'No problems found.' : `${problems} ${problems === 1 ? 'problem' : 'problems'} found.`;
  return {
    document: { ok: problems === 0, findings },
    text: [...findings.map(({ verdict, name, detail }) => verdictLine(verdict, name, detail)), '', summary].join('\n'),
    exitCode: problems === 0 ? 0 : 1,
  };
}
