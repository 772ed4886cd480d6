/** A certificate for 127.0.0.1 that nobody has signed but its own key, made anew so that no key lies in the repository. */

import { generateKeyPairSync, sign } from 'node:crypto';

/** Both in PEM. */
export function makeCertificate(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(set(sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('127.0.0.1')))));
  const validity = sequence(time('20200101000000Z'), time('20991231235959Z'));
  const address = sequence(der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = der(0xa3, sequence(sequence(oid(0x55, 0x1d, 0x11), der(0x04, address))));
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const version = der(0xa0, integer(2));
  const toBeSigned = sequence(version, integer(1), ecdsa, name, validity, name, publicKeyInfo, extensions);
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey));
  const body = sequence(toBeSigned, ecdsa, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}

/** One element in DER (ITU-T X.690): its tag, its length, its content. */
function der(tag: number, ...deps: Buffer[]): Buffer {
  const content = Buffer.concat(deps);
  const { length } = content;
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), content]);
}

const sequence = (...deps: Buffer[]): Buffer => der(0x30, ...deps);
const set = (...deps: Buffer[]): Buffer => der(0x31, ...deps);
const integer = (value: number): Buffer => der(0x02, Buffer.from([value]));
const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes));
const time = (text: string): Buffer => der(0x18, Buffer.from(text));
/** ecdsa-with-SHA256 */
const ecdsa = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
