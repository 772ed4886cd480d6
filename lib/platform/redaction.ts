/** Keeps secrets out of everything that is written down: logs, errors, answers, the table. */

/** Replaces every secret it was told of. Secrets of under 4 characters are not replaced: they would garble any text. */
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
    // As it is, and as it looks inside a URL or inside JSON.
    const forms = [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)];
    // The longest first: one secret may begin with another.
    secrets = [...new Set([...secrets, ...forms])].sort((one, other) => other.length - one.length);
  };
  return Object.assign(redact, { learn });
}
