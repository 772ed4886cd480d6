/** A function that does nothing: the cost of any function on Node. */

export const handler = async (): Promise<object> => ({});
