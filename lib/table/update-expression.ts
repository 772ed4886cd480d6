/**
 * Update expressions of DynamoDB.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
 */

/** Builds an update expression, with a placeholder for each name and value. */
export function createUpdate() {
  const names: Record<string, string> = {};
  const values: Record<string, unknown> = {};
  const sets: string[] = [];
  const removes: string[] = [];
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
  return {
    name,
    value,
    set: (path: string, content: unknown) => sets.push(`${path} = ${value(content)}`),
    setOnce: (path: string, content: unknown) => sets.push(`${path} = if_not_exists(${path}, ${value(content)})`),
    remove: (member: string) => removes.push(name(member)),
    require: (condition: string) => conditions.push(condition),
    input: () => ({
      UpdateExpression: [
        `SET ${sets.join(', ')}`,
        ...(removes.length > 0 ? [`REMOVE ${removes.join(', ')}`] : []),
      ].join(' '),
      ConditionExpression: conditions.join(' AND '),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    }),
  };
}
