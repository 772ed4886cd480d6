/** What is in a zip file. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const deflated = 8;

/** Writes the files of an archive below a folder. */
export async function unzip(archive: Buffer, folder: string): Promise<void> {
  for (const [name, content] of entriesOf(archive)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/** The directory stands at the end of the file, and says where each entry begins. */
function* entriesOf(archive: Buffer): Generator<[name: string, content: Buffer]> {
  const end = archive.lastIndexOf(Buffer.from(Uint32Array.of(endOfDirectory).buffer));
  let at = archive.readUInt32LE(end + 16);
  while (archive.readUInt32LE(at) === directoryEntry) {
    const [method, size] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20)];
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((part) => archive.readUInt16LE(at + part));
    const name = archive.toString('utf8', at + 46, at + 46 + (nameLength ?? 0));
    const entry = archive.readUInt32LE(at + 42);
    const start = entry + 30 + archive.readUInt16LE(entry + 26) + archive.readUInt16LE(entry + 28);
    const content = archive.subarray(start, start + size);
    if (!name.endsWith('/')) yield [name, method === deflated ? inflateRawSync(content) : content];
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0);
  }
}
