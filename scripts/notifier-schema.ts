/** The JSON Schema of notifier.yml, generated from the schema with which the functions check it. */

import { toJsonSchema } from '@valibot/to-json-schema';
import { channelTypes } from '../lib/channels/index.ts';
import { documentSchema } from '../lib/config/schema.ts';

/** The schema as JSON text. */
export function notifierSchema(): string {
  const schema = toJsonSchema(documentSchema(channelTypes), { typeMode: 'input', errorMode: 'ignore' });
  // valibot's rest of `never` is `additionalProperties: false` in JSON Schema.
  const closed = JSON.stringify(schema).replaceAll('"additionalProperties":{"not":{}}', '"additionalProperties":false');
  return `${JSON.stringify({ ...JSON.parse(closed), title: 'Configuration of publishing-job-notifier' }, null, 2)}\n`;
}
