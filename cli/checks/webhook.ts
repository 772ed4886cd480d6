/** Whether the webhook has a secret, asks for it, and takes ours. */

import { randomUUID } from 'node:crypto';
import type { HttpResponse } from '../../lib/platform/http.ts';
import { type CheckContext, type Finding, isEmulated, no, sayWhy, unknown, unreadable, yes } from './finding.ts';

const timeoutMs = 10_000;

export async function checkWebhook(context: CheckContext): Promise<Finding[]> {
  const { config, deps, target } = context;
  const [secret, webhook] = ['webhook secret', `webhook${target?.webhookUrl ? ` ${target.webhookUrl}` : ''}`];
  const references = config.webhookSecrets;
  if (references.length === 0) {
    const remedy =
      'webhook.secrets is empty in the configuration, and without one the webhook does not start. Name one there.';
    return [no(secret, remedy), unknown(webhook, 'there is no secret to ask with')];
  }
  const missing = await unreadable(deps, references);
  if (missing.length === references.length) {
    return [
      unknown(secret, `${missing.join(' and ')} cannot be read`),
      unknown(webhook, 'there is no secret to ask with'),
    ];
  }
  const readable = references.filter((reference) => !missing.includes(reference));
  const count = readable.length === 1 ? 'one is set' : `${readable.length} are set`;
  return [yes(secret, count), await checkAnswers(context, webhook, await deps.secrets.read(readable[0] as string))];
}

/** Asks for a job that there cannot be: 401 without a credential, 404 with it. */
async function checkAnswers({ http, target, config }: CheckContext, what: string, secret: string): Promise<Finding> {
  if (!target?.webhookUrl) return unknown(what, 'its address is not known: name the deployed notifier by --stage');
  if (isEmulated() && /\.amazonaws\.com/.test(target.webhookUrl)) {
    return unknown(what, 'AWS_ENDPOINT_URL leads to an emulator, and this address to AWS');
  }
  const [environment = ''] = Object.keys(config.environments);
  const webhook = target.webhookUrl.replace(/\/+$/, '');
  const url = new URL(`${webhook}/jobs/doctor-${randomUUID()}?environment=${environment}`);
  const ask = (headers: Record<string, string>) => http({ method: 'GET', url, service: 'webhook', headers, timeoutMs });
  try {
    const problem = refusalOf(await ask({})) ?? problemOf(await ask({ authorization: `Bearer ${secret}` }));
    if (problem === null) return yes(what, 'asks for the secret, and takes it');
    return target.kind === 'local' ? unknown(what, elsewhere) : no(what, problem);
  } catch (error) {
    return target.kind === 'local' ? unknown(what, elsewhere) : no(what, sayWhy(error, /^webhook: /));
  }
}

// The running one does not tell its port.
const elsewhere = 'the running `npm start` does not answer there: set PORT as it was set for it';

/** What is wrong with the answer to a call without a credential: then the secret is not sent there at all. */
function refusalOf({ status }: HttpResponse): string | null {
  if (status === 401) return null;
  if (status === 404) return 'no notifier answers at this address. Deploy again.';
  if (status >= 500) return `it answers ${status}. Its log says why; can the function read its secret?`;
  return `it answers ${status} to a call without a credential, and not 401. Deploy again.`;
}

/** What is wrong with the answer to a call with the secret. */
function problemOf({ status }: HttpResponse): string | null {
  switch (status) {
    case 404:
      return null;
    case 401:
      return 'it refuses the secret. The function keeps what it read at its start: deploy again, or wait until it starts anew.';
    case 422:
      return 'it knows no such environment: it runs with another configuration. Build and deploy again.';
    default:
      return `it answers ${status} to a call with the secret. Its log says why.`;
  }
}
