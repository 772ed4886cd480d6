/** `npm run schema`: writes notifier.schema.json, with which editors complete and check notifier.yml, and docs/slack-app.yml. */

import { writeFile } from 'node:fs/promises';
import { slackAppManifest } from '../cli/slack-app-manifest.ts';
import { notifierSchema } from './notifier-schema.ts';

await writeFile('notifier.schema.json', notifierSchema());
await writeFile('docs/slack-app.yml', slackAppManifest);
