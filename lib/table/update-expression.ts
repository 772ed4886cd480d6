/**
 * Update expressions of DynamoDB.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
 */

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters */
const longestExpression = 4_096;
const mostOperators = 300;

/** Builds an update expression, with a placeholder for each name and value. */
export function createUpdate() {
  const names: Record<string, string> = {};
  const values: Record<string, unknown> = {};
  const sets: string[] = [];
  const removes: string[] = [];
  const adds: string[] = [];
  const conditions: string[] = [];
  const name = (text: string): string => {
    const known = Object.keys(names).find((placeholder) => names[placeholder] === text);
    const placeholder = known ?? `#n${Object.keys(names).length}`;
    names[placeholder] = text;
    return placeholder;
  };
  const value = (content: unknown): string => {
    const placeholder = `:v${Object.keys(values).length}`;
    values[placeholder] = content;
    return placeholder;
  };
  const updateExpression = () =>
    Object.entries({ SET: sets, REMOVE: removes, ADD: adds })
      .flatMap(([action, parts]) => (parts.length > 0 ? [`${action} ${parts.join(', ')}`] : []))
      .join(' ');
  const conditionExpression = () => conditions.join(' AND ');
  return {
    name,
    value,
    set: (path: string, content: unknown) => sets.push(`${path} = ${value(content)}`),
    setOnce: (path: string, content: unknown) => sets.push(`${path} = if_not_exists(${path}, ${value(content)})`),
    remove: (member: string) => removes.push(name(member)),
    add: (member: string, count: number) => adds.push(`${name(member)} ${value(count)}`),
    require: (condition: string) => conditions.push(condition),
    /** Whether DynamoDB accepts the expressions: 4 KB each, and 300 operators or functions. */
    isShort: () =>
      updateExpression().length <= longestExpression &&
      conditionExpression().length <= longestExpression &&
      sets.length + 2 * conditions.length <= mostOperators,
    input: () => ({
      UpdateExpression: updateExpression(),
      ConditionExpression: conditionExpression(),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    }),
  };
}
