/**
 * The floor of a sweep: a bare loop of the same GETs with the same concurrency and the same kind of agent. Each response
 * is parsed as JSON. No work list, no time-outs, no comparison.
 */

import http from 'node:http';

const { API_URL: apiUrl = '', CHECKS = '0', CONCURRENCY = '20' } = process.env;

const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
const headers = { accept: 'application/json', authorization: 'Bearer token-of-the-benchmark' };

const get = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    http
      .get(url, { agent, headers }, (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () => resolve(body));
      })
      .on('error', reject);
  });

export async function handler(): Promise<object> {
  let next = 0;
  let checked = 0;
  const worker = async () => {
    while (next < Number(CHECKS)) {
      const id = `job_${String(next++).padStart(5, '0')}`;
      const job = JSON.parse(await get(`${apiUrl}/authoring/publishing/v1/jobs/${id}`));
      if (job.system.status === 'Running') checked += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(CONCURRENCY) }, worker));
  return { checked };
}
