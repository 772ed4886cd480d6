/** A function that does nothing: what any function on Node pays. */

export const handler = async (): Promise<object> => ({});
