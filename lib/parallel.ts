/** Doing many things with a bound on how many are under way. */

/** Works on so many at once, taking the next one whenever one is done. What goes wrong with one is told at the end. */
export async function inParallel<Item>(
  items: Iterator<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const worker = async () => {
    for (let next = items.next(); !next.done; next = items.next()) await work(next.value);
  };
  await allOf(Array.from({ length: limit }, worker));
}

/** Waits for all of them, then throws what went wrong first. */
export async function allOf<Value>(promises: Promise<Value>[]): Promise<Value[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
