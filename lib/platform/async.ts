/** Work in parallel, and work with a time limit. */

/** Works on at most `limit` items at a time. Errors do not stop the other workers; the first one is thrown at the end. */
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

/** Waits for every promise to settle, then throws the first error, if any. */
export async function allOf<Value>(promises: Promise<Value>[]): Promise<Value[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/** Resolves to false as soon as one promise does, and to true when all have resolved to true. None of them may reject. */
export async function areAllTrue(promises: Promise<boolean>[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  for (const one of promises) void one.then((isTrue) => isTrue || resolve(false));
  void Promise.all(promises).then((all) => resolve(all.every(Boolean)));
  return await promise;
}

/** Runs at most `limit` calls at a time; the others wait for their turn in order. */
export function createSemaphore(limit: number): <Result>(call: () => Promise<Result>) => Promise<Result> {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (call) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

/** Aborts a request after `ms` milliseconds, including while its response is read, and throws a `TimeoutError`. */
export async function inTime<Result>(ms: number, send: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const timeout = Promise.withResolvers<never>();
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      timeout.reject(new DOMException('no response in time', 'TimeoutError'));
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
