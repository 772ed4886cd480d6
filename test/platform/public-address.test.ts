import type { LookupFunction } from 'node:net';
import { describe, expect, test } from 'vitest';
import { isPublicAddress, PrivateAddress, publicOnly } from '../../lib/platform/public-address.ts';

test.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ['this host', '0.0.0.0'],
  ['a private network', '10.1.2.3'],
  ['a private network', '172.16.0.1'],
  ['a private network', '172.31.255.255'],
  ['a private network', '192.168.1.1'],
  ['carrier-grade NAT', '100.64.0.1'],
  ['loopback', '127.0.0.1'],
  ['loopback', '127.8.8.8'],
  ['the metadata service', '169.254.169.254'],
  ['benchmarks', '198.18.0.1'],
  ['multicast', '224.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['loopback, IPv6', '::1'],
  ['unspecified, IPv6', '::'],
  ['a unique local address', 'fd00:ec2::254'],
  ['link-local, IPv6', 'fe80::1'],
  ['multicast, IPv6', 'ff02::1'],
  ['mapped IPv4', '::ffff:10.0.0.1'],
  ['mapped IPv4 in hexadecimal', '::ffff:a9fe:a9fe'],
  ['compatible IPv4', '::127.0.0.1'],
  ['NAT64', '64:ff9b::a9fe:a9fe'],
  ['6to4', '2002:a9fe:a9fe::1'],
  ['a name', 'localhost'],
])('%s is not public: %s', (_, address) => {
  expect(isPublicAddress(address)).toBe(false);
});

describe('the lookup', () => {
  const found =
    (addresses: string | string[]): LookupFunction =>
    (_hostname, _options, callback) =>
      Array.isArray(addresses)
        ? callback(
            null,
            addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
          )
        : callback(null, addresses, 4);
  const looked = (lookup: LookupFunction): Promise<unknown> =>
    new Promise((resolve) => {
      publicOnly(lookup)('example.com', {}, (error, address) => resolve(error ?? address));
    });

  test('passes public addresses on', async () => {
    expect(await looked(found('8.8.8.8'))).toBe('8.8.8.8');
    expect(await looked(found(['8.8.8.8', '2606:4700::1111']))).toHaveLength(2);
  });

  test.each([['10.0.0.1'], [['8.8.8.8', '10.0.0.1']], [['8.8.8.8', 'fd00::1']]])('fails for %j', async (addresses) => {
    expect(await looked(found(addresses))).toBeInstanceOf(PrivateAddress);
  });

  test('passes an error on', async () => {
    const error = new Error('ENOTFOUND');
    expect(await looked((_hostname, _options, callback) => callback(error, '', 4))).toBe(error);
  });
});
