/** A message of an SNS topic: the e-mail for people, and the document and the attributes for systems. */
import { json } from './document.js';
import { el } from './elements.js';

export function snsMessage({ text, payload }) {
  const texts = textsOf(payload.Message);
  const email = texts.email ?? texts.default ?? text;
  const attributes = Object.entries(payload.MessageAttributes ?? {}).map(([name, { StringValue }]) =>
    el('code', `${name}=${StringValue}`),
  );
  const [title = '', ...paragraphs] = email.split('\n\n');
  return [
    el('p.subject', title),
    el('p.plain', paragraphs[0] ?? ''),
    el('details', el('summary', 'E-mail for people'), el('pre.plain', email)),
    json('JSON document for systems', texts.sqs ?? payload.Message ?? ''),
    el('details', el('summary', 'Attributes to filter by'), el('div.attributes', ...attributes)),
  ];
}

function textsOf(message) {
  try {
    return JSON.parse(message);
  } catch {
    return {};
  }
}
