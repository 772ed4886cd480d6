/** Many things at once, and things in time. */

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

/** Ends a request after so many milliseconds, within its answer too. Throws a `TimeoutError` then. */
export async function inTime<Answer>(ms: number, send: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const timeout = Promise.withResolvers<never>();
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      timeout.reject(new DOMException('no answer in time', 'TimeoutError'));
      controller.abort();
    },
    Math.max(ms, 1),
  );
  try {
    return await Promise.race([send(controller.signal), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
