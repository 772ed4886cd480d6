import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { slackContent } from '../../lib/channels/slack-content.ts';
import { everyOutcome, everywhere, hostileTexts } from './every-outcome.ts';

const header = (values: object) => ({ type: 'header', text: { type: 'plain_text', text: 'x' }, ...values });

/** The places in `payloads` of those that are not what Slack's own package of types says, as the compiler sees it. */
async function refused(payloads: object[]): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slack-types-'));
  const lines = [
    `import type { KnownBlock, MessageAttachment } from '${resolve('node_modules/@slack/types/dist/index.d.ts')}';`,
    // The type of an attachment would let any block through.
    'type Attachment = Omit<MessageAttachment, "blocks"> & { blocks: KnownBlock[] };',
    'type Payload = { text: string; blocks: KnownBlock[]; attachments: Attachment[] };',
    ...payloads.map((payload, index) => `export const payload${index}: Payload = ${JSON.stringify(payload)};`),
  ];
  await writeFile(join(folder, 'payloads.ts'), lines.join('\n'));
  const compiler = ['node_modules/typescript/bin/tsc', '--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig'];
  const said = await new Promise<string>((done) => {
    execFile(process.execPath, [...compiler, join(folder, 'payloads.ts')], (_, stdout, stderr) =>
      done(stdout + stderr),
    );
  });
  await rm(folder, { recursive: true });
  const found = [...said.matchAll(/payloads\.ts[(:](\d+)/g)].map(([, line]) => Number(line) - 4);
  if (found.length === 0 && said !== '') throw new Error(said);
  return [...new Set(found)];
}

test('what Slack gets, for every outcome, is what its package of types says', { timeout: 60_000 }, async () => {
  const job = { published: { type: 'Site', mode: 'Smart', locales: ['en', 'de'] }, organizationId: 'o', tenantId: 't' };
  const messages = [
    everyOutcome({ job }),
    everyOutcome({ mention: 'here', jobUrl: 'https://example.com/{jobId}' }),
    ...hostileTexts.map((text) => everyOutcome({ job: everywhere(text), mention: 'U012AB3CD' })),
  ].flat();
  const right = messages.map(([, message]) => slackContent(message));
  const [some = { text: '', blocks: [], attachments: [] }] = right;
  const wrong = [
    { ...some, blocks: [header({ text: 'x' })] },
    { ...some, blocks: [header({ text: { type: 'mrkdwn', text: 'x' } })] },
    { ...some, blocks: [header({ color: 'red' })] },
    { ...some, blocks: [{ type: 'heading', text: { type: 'plain_text', text: 'x' } }] },
    { ...some, attachments: [{ ...some.attachments[0], colour: 'red' }] },
    {
      ...some,
      attachments: [{ ...some.attachments[0], blocks: [{ type: 'context', elements: [{ type: 'plain' }] }] }],
    },
    { blocks: some.blocks, attachments: some.attachments },
  ];
  expect(await refused([...right, ...wrong])).toEqual(wrong.map((_, index) => right.length + index));
});
