/** Slack, through an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ */

import * as v from 'valibot';
import type { Message } from '../domain/message.ts';
import { UpstreamError, type UpstreamKind } from '../platform/errors.ts';
import type { HttpResponse } from '../platform/http.ts';
import { parseRetryAfter } from '../platform/http.ts';
import { reference } from '../platform/secrets.ts';
import { defineChannel } from './channel.ts';
import { slackContent, slackPace } from './slack-content.ts';

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
        return await post(url, payloadOf(message), deadline);
      } catch (error) {
        // A plain message is better than none.
        if (isOfKind(error, 'payloadRefused') && clock.now() < deadline) {
          return await post(url, { text: slackContent(message).text }, deadline);
        }
        throw error;
      }
    };
    return {
      ...slackPace,
      verify: async (timeoutMs) => verifyHook(await readUrl(), clock.now() + timeoutMs),
      render: (message) => ({ text: slackContent(message).text, payload: payloadOf(message) }),
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

const payloadOf = (message: Message): object => ({
  ...slackContent(message),
  unfurl_links: false,
  unfurl_media: false,
});

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
