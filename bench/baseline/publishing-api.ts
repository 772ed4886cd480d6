/** Sitecore's Publishing API over `fetch`. */

import { apiUrl, readSecrets, tokenUrl } from './settings.ts';

export interface PublishingJob {
  name: string | null;
  source: string | null;
  statistics: { itemsSent: number; itemsProcessed: number; itemsFailed: number } | null;
  system: { status: string; finishTime: string | null };
}

let token: { value: string; until: number } | undefined;

async function readToken(): Promise<string> {
  if (token && token.until > Date.now()) return token.value;
  const secrets = await readSecrets();
  const response = await fetch(tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: secrets['client-id'],
      client_secret: secrets['client-secret'],
      audience: 'https://api.sitecorecloud.io',
    }),
  });
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  const { access_token, expires_in } = (await response.json()) as { access_token: string; expires_in: number };
  token = { value: access_token, until: Date.now() + (expires_in - 60) * 1_000 };
  return access_token;
}

export async function getJob(jobId: string): Promise<PublishingJob> {
  const response = await fetch(`${apiUrl}/authoring/publishing/v1/jobs/${encodeURIComponent(jobId)}`, {
    headers: { authorization: `Bearer ${await readToken()}` },
    signal: AbortSignal.timeout(8_000),
  });
  if (!response.ok) throw new Error(`the Publishing API answered ${response.status}`);
  return (await response.json()) as PublishingJob;
}
