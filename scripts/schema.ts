/** `npm run schema`: writes notifier.schema.json, with which editors complete and check notifier.yml. */

import { writeFile } from 'node:fs/promises';
import { notifierSchema } from './notifier-schema.ts';

await writeFile('notifier.schema.json', notifierSchema());
