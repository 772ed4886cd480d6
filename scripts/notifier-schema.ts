/** The JSON Schema of notifier.yml, made from the schema that the functions check it with. */

import { toJsonSchema } from '@valibot/to-json-schema';
import { channelTypes } from '../lib/channels/index.ts';
import { configSchema } from '../lib/config.ts';

/** The schema as JSON text. */
export function notifierSchema(): string {
  const schema = toJsonSchema(configSchema(channelTypes), { typeMode: 'input', errorMode: 'ignore' });
  return `${JSON.stringify({ ...schema, title: 'Configuration of publishing-job-notifier' }, null, 2)}\n`;
}
