/** Keeps secrets out of logs, errors, responses and the table. */

/** Replaces every secret that it has learned. It ignores secrets of fewer than 4 characters: they would garble any text. */
export interface Redactor {
  (text: string): string;
  learn(secret: string): void;
}

export function createRedactor(): Redactor {
  let secrets: string[] = [];
  const redact = (text: string): string => {
    let redacted = text;
    for (const secret of secrets) redacted = redacted.replaceAll(secret, '[redacted]');
    return redacted;
  };
  const learn = (secret: string): void => {
    if (secret.length < 4) return;
    // The secret itself, and its form in a URL and in JSON.
    const forms = [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)];
    // Longest first: one secret may begin with another.
    secrets = [...new Set([...secrets, ...forms])].sort((one, other) => other.length - one.length);
  };
  return Object.assign(redact, { learn });
}
