/** Checks that the webhook has a secret, requires it, and accepts it. */

import { randomUUID } from 'node:crypto';
import type { HttpResponse } from '../../lib/platform/http.ts';
import { type CheckContext, type Finding, failed, isEmulated, messageOf, ok, unknown, unreadable } from './finding.ts';

const timeoutMs = 10_000;

export async function checkWebhook(context: CheckContext): Promise<Finding[]> {
  const { config, deps, target } = context;
  const [secret, webhook] = ['webhook secret', `webhook${target?.webhookUrl ? ` ${target.webhookUrl}` : ''}`];
  const references = config.webhookSecrets;
  const withoutSecret = unknown(webhook, 'there is no secret to send');
  if (references.length === 0) {
    const remedy = 'webhook.secrets is empty in the configuration, so the webhook does not start. Add a secret.';
    return [failed(secret, remedy), withoutSecret];
  }
  const missing = await unreadable(deps, references);
  if (missing.length === references.length) {
    return [unknown(secret, `${missing.join(' and ')} cannot be read`), withoutSecret];
  }
  const readable = references.filter((reference) => !missing.includes(reference));
  const count = readable.length === 1 ? 'one is set' : `${readable.length} are set`;
  return [ok(secret, count), await checkResponses(context, webhook, await deps.secrets.read(readable[0] as string))];
}

/** Requests a job that cannot exist: 401 without the secret, 404 with it. */
async function checkResponses({ http, target, config }: CheckContext, name: string, secret: string): Promise<Finding> {
  if (target === null) return unknown(name, 'no notifier found');
  if (target.webhookUrl === null) {
    const isStack = target.kind === 'stack';
    const remedy = isStack
      ? 'the stack does not say its URL. Deploy it again'
      : 'the URL is not known. Add --stage for a deployed notifier';
    return unknown(name, remedy);
  }
  if (isEmulated() && /\.amazonaws\.com/.test(target.webhookUrl)) {
    return unknown(name, 'AWS_ENDPOINT_URL leads to an emulator, but this URL to AWS');
  }
  const [environment = ''] = Object.keys(config.environments);
  const webhook = target.webhookUrl.replace(/\/+$/, '');
  const url = new URL(`${webhook}/jobs/doctor-${randomUUID()}?environment=${environment}`);
  const send = (headers: Record<string, string>) =>
    http({ method: 'GET', url, service: 'webhook', headers, timeoutMs });
  try {
    const problem = anonymousProblem(await send({})) ?? problemOf(await send({ authorization: `Bearer ${secret}` }));
    if (problem === null) return ok(name, 'requires and accepts the secret');
    return target.kind === 'local' ? unknown(name, localRemedy) : failed(name, problem);
  } catch (error) {
    return target.kind === 'local' ? unknown(name, localRemedy) : failed(name, messageOf(error, /^webhook: /));
  }
}

// The port of a running `npm start` is not known.
const localRemedy = 'the running `npm start` does not respond here. Set PORT to the value that it was started with';

/** The problem with the response to a request without the secret. The secret is then not sent at all. */
function anonymousProblem({ status }: HttpResponse): string | null {
  if (status === 401) return null;
  if (status === 404) return 'there is no notifier at this URL. Deploy again.';
  if (status >= 500) return `it returns ${status}. See its log; can the function read its secret?`;
  return `it returns ${status} to a request without a secret, not 401. Deploy again.`;
}

/** The problem with the response to a request with the secret. */
function problemOf({ status }: HttpResponse): string | null {
  switch (status) {
    case 404:
      return null;
    case 401:
      return 'it refuses the secret. The function keeps the secret that it read when it started. Deploy again, or wait until it restarts.';
    case 422:
      return 'it does not know the environment: its configuration differs from this one. Build and deploy again.';
    default:
      return `it returns ${status} to a request with the secret. See its log.`;
  }
}
