/** The JSON Schema of notifier.yml, made from the schema that the functions check it with. */

import { toJsonSchema } from '@valibot/to-json-schema';
import { channelTypes } from '../lib/channels/index.ts';
import { documentSchema } from '../lib/config/schema.ts';

/** The schema as JSON text. */
export function notifierSchema(): string {
  const schema = toJsonSchema(documentSchema(channelTypes), { typeMode: 'input', errorMode: 'ignore' });
  // What valibot calls a rest that never fits is in JSON Schema that there is none.
  const closed = JSON.stringify(schema).replaceAll('"additionalProperties":{"not":{}}', '"additionalProperties":false');
  return `${JSON.stringify({ ...JSON.parse(closed), title: 'Configuration of publishing-job-notifier' }, null, 2)}\n`;
}
