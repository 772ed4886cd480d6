/** Addresses of requests, as they are written. */

/** Where a request goes: a `URL`, or an address that `readAddress` took apart. */
export type Address = Pick<URL, 'href' | 'protocol' | 'host' | 'hostname' | 'port' | 'pathname' | 'search'>;

/**
 * Takes an address apart without changing a byte of it. `new URL` drops `:443` and rewrites paths, and services that
 * sign their addresses then refuse them. Undefined if the text is no http or https address in ASCII, or has a user name
 * or a fragment.
 */
export function readAddress(text: string): Address | undefined {
  const parts = addressPattern.exec(text)?.groups;
  if (!parts) return undefined;
  const { protocol = '', host = '', hostname = '', port = '', pathname = '/', search = '' } = parts;
  return { href: text, protocol, host, hostname, port, pathname, search };
}

const addressPattern =
  /^(?<protocol>https?:)\/\/(?<host>(?<hostname>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?<port>\d{1,5}))?)(?<pathname>\/[!"$->@-~]*)?(?<search>\?[!"$-~]*)?$/;
