/** The context line as channels show it. */

import type { ContextLine } from '../domain/wording.ts';
import { cut } from '../platform/text.ts';

/** Cuts each fact, because names may be long. */
export const shortened = (context: ContextLine): ContextLine => ({
  ...context,
  facts: context.facts.map((fact) => cut(fact, 100)),
});
