/** Reads policies. */

import type { Resource } from './stack.ts';

export interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Principal?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

/** One action on one resource. A `*` in the resource matches anything. */
export interface Grant {
  action: string;
  resource: string;
}

/** The statements of a role, or of the policy of a queue, a topic or a bucket. */
export function statementsOf(holder: Resource | undefined): Statement[] {
  const { PolicyDocument, Policies } = holder?.Properties ?? {};
  const documents: { Statement: Statement[] }[] = PolicyDocument
    ? [PolicyDocument]
    : Policies.map((policy: { PolicyDocument: object }) => policy.PolicyDocument);
  return documents.flatMap(({ Statement }) => Statement);
}

/** The statements that allow something. */
export const allowing = (holder: Resource | undefined): Statement[] =>
  statementsOf(holder).filter(({ Effect }) => Effect === 'Allow');

/** Every pair of action and resource that is allowed. */
export const grantsOf = (holder: Resource | undefined): Grant[] =>
  allowing(holder).flatMap(({ Action, Resource }) =>
    [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ action, resource }))),
  );

/** Whether a grant covers an action that was done. */
export const covers = (grant: Grant, done: Grant): boolean => {
  const [before = '', after] = grant.resource.split('*');
  const isMeant = after === undefined ? done.resource === before : done.resource.startsWith(before);
  return grant.action === done.action && isMeant;
};
