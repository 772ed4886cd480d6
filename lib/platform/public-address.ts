/** Addresses of the public internet, and a lookup that finds no others. */

import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Special-purpose networks: https://www.iana.org/assignments/iana-ipv4-special-registry/ and its IPv6 counterpart. */
const reserved: [network: string, prefix: number, family: 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 96, 'ipv6'],
  // NAT64, 6to4 and Teredo: an IPv4 address of any network may be inside.
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

let reservedNetworks: BlockList | undefined;

/** Whether an IP address belongs to the public internet. IPv4 addresses that are mapped into IPv6 are recognized. */
export function isPublicAddress(address: string): boolean {
  if (!reservedNetworks) {
    reservedNetworks = new BlockList();
    for (const network of reserved) reservedNetworks.addSubnet(...network);
  }
  const family = isIP(address);
  return family !== 0 && !reservedNetworks.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** A host whose address is not public. */
export class PrivateAddress extends Error {
  override name = 'PrivateAddress';
}

/**
 * A lookup for the moment of the connection that fails with `PrivateAddress` if any of the addresses is not public. The
 * connection uses the addresses that were checked, so a name that changes its address later cannot get around it.
 */
export const publicOnly =
  (lookup: LookupFunction = systemLookup as LookupFunction): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, options, (error, found, family) => {
      const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found];
      if (error || addresses.every(isPublicAddress)) callback(error, found, family);
      else callback(new PrivateAddress(), [], 0);
    });
