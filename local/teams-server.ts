/** A server that behaves as the webhook of a Teams flow: it accepts everything, and what is wrong shows only in the flow. */
import { createFaultBook, type FaultRule, playFault } from './faults.ts';
import { readBody, startLoopbackServer } from './loopback-server.ts';

/** An Adaptive Card, as far as this server looks into it. */
export interface TeamsCard {
  type?: string;
  body?: unknown[];
  [member: string]: unknown;
}

/** A card that the channel shows. `at` is in epoch milliseconds. */
export interface TeamsMessage {
  flow: string;
  at: number;
  card: TeamsCard;
}

/** What a flow is made from. It decides which payload the flow understands. */
export type FlowTemplate = 'message' | 'card';

/** The server that was started. */
export interface TeamsServer {
  url: string;
  /** The secret address of one flow, with everything that other senders change on the way. */
  flowUrl: (flow?: string) => string;
  /** The cards that were posted, in the order in which they came. */
  messages: TeamsMessage[];
  /** Why flows failed after they had accepted a payload. */
  failedRuns: string[];
  /** The target and the Host header of every request, as they arrived. */
  requests: { target: string; host: string }[];
  /** Lets the next responses be other than usual, for one flow or for all. */
  answerWith: (rule: FaultRule<{ flow: string }>) => void;
  clearAnswers: () => void;
  close: () => Promise<void>;
}

const signature = 'rNhM%2Bq0_the-signature%2Fof-the-flow';
const query = `api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${signature}`;
/** What Teams takes: https://learn.microsoft.com/microsoftteams/limits-specifications-teams */
const maxBytes = 28 * 1024;

/** Starts the webhooks of flows that were made from one template; `onMessage` is called with each card that is posted. */
export async function startTeamsServer({
  template = 'message',
  onMessage,
}: {
  template?: FlowTemplate;
  onMessage?: (message: TeamsMessage) => void;
} = {}): Promise<TeamsServer> {
  const messages: TeamsMessage[] = [];
  const failedRuns: string[] = [];
  const requests: TeamsServer['requests'] = [];
  const faults = createFaultBook<{ flow: string }>(['flow']);

  const run = (flow: string, body: Buffer | null) => {
    const card = cardIn(body, template);
    if (typeof card === 'string') return void failedRuns.push(card);
    const message = { flow, at: Date.now(), card };
    messages.push(message);
    onMessage?.(message);
  };

  const server = await startLoopbackServer(async (request, response) => {
    const target = request.url ?? '';
    requests.push({ target, host: request.headers.host ?? '' });
    const body = await readBody(request);
    const flow = /\/workflows\/([^/]+)\/triggers\/manual\/paths\/invoke\?/.exec(target)?.[1];
    if (flow === undefined || !target.endsWith(`?${query}`)) {
      return void response.writeHead(401).end('{"error":{"code":"DirectApiAuthorizationRequired"}}');
    }
    const fault = faults.take({ flow });
    if (fault === undefined || fault.accepted) run(flow, body);
    playFault(fault ?? { status: 202, body: '' }, response);
  });

  return {
    url: server.url,
    flowUrl: (flow = 'flow') =>
      `${server.url}/powerautomate/automations/direct/workflows/${flow}/triggers/manual/paths/invoke?${query}`,
    messages,
    failedRuns,
    requests,
    answerWith: faults.add,
    clearAnswers: faults.clear,
    close: server.close,
  };
}

/** The card to post, or why the run of the flow fails. */
function cardIn(body: Buffer | null, template: FlowTemplate): TeamsCard | string {
  if (body === null || body.length > maxBytes) return 'RequestEntityTooLarge';
  const payload = JSON.parse(body.toString());
  const [attachment] = template === 'message' ? (payload.attachments ?? []) : [{ content: payload }];
  if (attachment === undefined) return 'ActionFailed: there are no attachments to loop over';
  const isCard = attachment.content?.type === 'AdaptiveCard';
  return isCard ? attachment.content : "InvalidBotAdaptiveCard: Property 'type' must be 'AdaptiveCard'";
}
