/** Slack, through an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ */

import * as v from 'valibot';
import type { Mention } from '../domain/job.ts';
import type { Message } from '../domain/message.ts';
import { type Fact, inUtc } from '../domain/wording.ts';
import { UpstreamError, type UpstreamKind } from '../platform/errors.ts';
import type { HttpResponse } from '../platform/http.ts';
import { parseRetryAfter } from '../platform/http.ts';
import { reference } from '../platform/secrets.ts';
import { cut } from '../platform/text.ts';
import { defineChannel } from './channel.ts';

/** `webhookUrl` is a secret: anyone who has it can post. */
export const slack = defineChannel({
  references: { webhookUrl: reference },
  create({ http, clock, secrets, redact }, { webhookUrl }) {
    const readUrl = async (): Promise<URL> => checkedUrl(await secrets.read(webhookUrl));
    const post = async (url: URL, payload: object, deadline: number): Promise<string> => {
      const timeoutMs = deadline - clock.now();
      if (timeoutMs <= 0) throw new UpstreamError('unavailable', 'Slack: no time left to send');
      const response = await http({
        method: 'POST',
        url,
        service: 'Slack',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(payload),
        timeoutMs,
      });
      return readReceipt(response, clock.now(), redact);
    };
    // An existing hook rejects the empty payload; a deleted hook says that it does not exist.
    const verifyHook = async (url: URL, deadline: number): Promise<void> => {
      await post(url, {}, deadline).catch((error: unknown) => {
        if (!isOfKind(error, 'payloadRefused')) throw error;
      });
    };
    const postBlocksOrText = async (url: URL, message: Message, deadline: number): Promise<string> => {
      try {
        return await post(url, blocksOf(message), deadline);
      } catch (error) {
        // A plain message is better than none.
        if (isOfKind(error, 'payloadRefused') && clock.now() < deadline) {
          return await post(url, { text: textOf(message) }, deadline);
        }
        throw error;
      }
    };
    return {
      // One message a second, and short bursts: https://docs.slack.dev/apis/web-api/rate-limits
      minIntervalMs: 1_000,
      burst: 3,
      verify: async (timeoutMs) => verifyHook(await readUrl(), clock.now() + timeoutMs),
      render: (message) => ({ text: textOf(message), payload: blocksOf(message) }),
      async send(message, timeoutMs) {
        const deadline = clock.now() + timeoutMs;
        const url = await readUrl();
        try {
          return { receipt: await postBlocksOrText(url, message, deadline) };
        } catch (error) {
          // The hook may have been replaced: read the parameter again and use a new address at once.
          const isFresh = isOfKind(error, 'needsOperator') && (await secrets.refresh().catch(() => false));
          const fresh = isFresh ? await readUrl() : url;
          if (fresh.href === url.href) throw error;
          return { receipt: await postBlocksOrText(fresh, message, deadline) };
        }
      },
    };
  },
});

/**
 * A message as Block Kit, within its limits (https://docs.slack.dev/reference/block-kit/blocks/), with the plain text
 * for notifications and screen readers.
 */
export function blocksOf(message: Message): object {
  const { title, summary, facts, mention, url } = message;
  // A link, not a button: Slack reports a button click to the app, and shows a warning if the app does not respond.
  const link = url ? `\n<${escaped(url).replaceAll('|', '%7C')}|Open the job>` : '';
  const sentence = `${mention ? `${mentionMarkup(mention)} ` : ''}${escaped(summary)}`;
  return {
    text: textOf(message),
    unfurl_links: false,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(title, 150), emoji: false } },
      { type: 'section', text: markdown(sentence.length + link.length > 3_000 ? sentence : sentence + link) },
      { type: 'section', fields: facts.slice(0, 10).map((fact) => markdown(fieldOf(fact))) },
    ],
  };
}

/** A message as plain text, for previews and for when Slack rejects the blocks. */
export function textOf({ title, summary, mention, facts, url }: Message): string {
  const lines = facts.map((fact) => `${fact.label}: ${'moment' in fact ? inUtc(fact.moment) : cut(fact.text, 300)}`);
  const text = [`${cut(title, 150)}. ${summary}`, ...lines, ...(url ? [url] : [])].join('\n');
  // A backtick in a name would format the text after it as code.
  const safe = escaped(text.replaceAll('`', "'"));
  return mention ? `${safe}\n${mentionMarkup(mention)}` : safe;
}

// Verbatim: Slack does not turn external text into links and mentions.
const markdown = (text: string): object => ({ type: 'mrkdwn', text, verbatim: true });

const fieldOf = (fact: Fact): string =>
  `*${fact.label}*\n${'moment' in fact ? inReadersZone(fact.moment) : escaped(cut(fact.text, 300))}`;

/** https://docs.slack.dev/messaging/formatting-message-text/#date-formatting */
const inReadersZone = (moment: string): string =>
  `<!date^${Math.floor(Date.parse(moment) / 1_000)}^{date_short_pretty} at {time}|${inUtc(moment)}>`;

const mentionMarkup = (mention: Mention): string => {
  if (mention === 'here' || mention === 'channel') return `<!${mention}>`;
  return mention.startsWith('S') ? `<!subteam^${mention}>` : `<@${mention}>`;
};

/** Escapes the three control characters of Slack, and no others. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function checkedUrl(url: string): URL {
  const isAddress = /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/])[^@]+$/.test(url) && URL.canParse(url);
  if (isAddress) return new URL(url);
  throw new UpstreamError('needsOperator', 'Slack: webhookUrl must be an https address without a user name');
}

const rejectedPayload =
  /^(invalid_payload|invalid_blocks|invalid_blocks_format|no_text|missing_text_or_fallback_or_attachments|msg_too_long|msg_blocks_too_long)/;
const missingHook =
  /^(invalid_token|action_prohibited|channel_not_found|no_service|no_team|channel_is_archived|no_active_hooks|posting_to_general_channel_denied|not_in_channel|account_inactive|token_revoked|missing_scope)/;

/** The receipt in a response. Throws an `UpstreamError` for any response but success. */
function readReceipt({ status, headers, body }: HttpResponse, now: number, redact: (text: string) => string): string {
  const result = resultIn(body);
  if (status === 200 && result === 'ok') return 'ok';

  const refuse = (kind: UpstreamKind, advice: string, options = {}) =>
    new UpstreamError(kind, `Slack: answered ${status}${redact(errorNameIn(result))}${advice}`, options);
  if (status === 429) {
    throw new UpstreamError('rateLimited', 'Slack: too many messages (429)', {
      retryAfterMs: parseRetryAfter(headers['retry-after'] ?? retryAfterIn(body), now),
    });
  }
  if (status >= 400 && status < 500 && rejectedPayload.test(result)) throw refuse('payloadRefused', '');
  if (missingHook.test(result) || (status >= 300 && status < 500)) {
    throw refuse('needsOperator', '. Check that the incoming webhook and its channel still exist');
  }
  // Slack may have posted the message: it has no key by which we could ask.
  throw refuse('unavailable', '', { ambiguous: true });
}

/** The result in a body: `ok`, or the name of an error. Some responses hold it in JSON. */
function resultIn(body: string): string {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), JsonResult), body);
  if (!parsed.success) return body.trim();
  return parsed.output.ok ? 'ok' : (parsed.output.error ?? 'not ok');
}

/** The name of an error of Slack, after a space. Any other text may repeat the address, which is a secret. */
const errorNameIn = (result: string): string => {
  const [name] = /^[a-z_]{1,60}(?![^\s:,.])/.exec(result) ?? [];
  return name ? ` ${name}` : ', without an error of Slack';
};

const JsonResult = v.object({ ok: v.boolean(), error: v.optional(v.string()) });

const isOfKind = (error: unknown, kind: UpstreamKind): boolean => error instanceof UpstreamError && error.kind === kind;

function retryAfterIn(body: string): string | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), v.object({ retry_after: v.number() })), body);
  return parsed.success ? String(Math.ceil(parsed.output.retry_after)) : undefined;
}
