import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openImageZip } from '../../src/datasets/image-source.js';
import { extractZip } from '../../src/fetch/extract-zip.js';
import type { HttpResponse, Requests } from '../../src/fetch/http.js';
import { openRemoteZip } from '../../src/fetch/remote-zip.js';
import { makeZip } from '../../test/fetch/zips.js';
import { mutateZip } from '../mutate-zip.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

const NAMES = ['images/1.jpg', 'images/2.jpg', 'images/bomb.jpg', 'q.json'];
const ARCHIVE = await makeZip([
  { name: NAMES[0]!, content: Buffer.from('one'.repeat(50)) },
  { name: NAMES[1]!, content: Buffer.from('two'), stored: true },
  { name: NAMES[2]!, content: Buffer.alloc(2_000_000) },
  { name: NAMES[3]!, content: Buffer.from('[]') },
]);

export const target: FuzzTarget = {
  async run(folder, random) {
    const path = join(folder, 'images.zip');
    const bytes = mutateZip(ARCHIVE, random);
    await writeFile(path, bytes);
    const wanted = NAMES.map((member, i) => ({ member, to: join(folder, 'out', `${i}`) }));
    await mayRefuse(async () => {
      const images = await openImageZip(path, 'images/');
      for (const name of NAMES) await mayRefuse(() => images.read(name.slice('images/'.length)));
      await images.close();
    });
    await mayRefuse(() => extractZip(path, wanted));
    await mayRefuse(async () => {
      const zip = await openRemoteZip(requestsFor(bytes), 'http://localhost/images.zip');
      await zip.extract(wanted.map(({ member, to }) => ({ member, to: `${to}-remote` })));
    });
  },
};

/** A server with one file and range support. */
function requestsFor(file: Buffer): Requests {
  const part = (start: number, end = file.length - 1): Buffer => file.subarray(start, end + 1);
  return {
    offline: false,
    async get(url, { range } = {}): Promise<HttpResponse> {
      const bytes = range ? part(range.start, range.end) : file;
      return {
        status: range ? 206 : 200,
        url,
        totalBytes: file.length,
        etag: '"1"',
        header: () => null,
        body: (async function* () {
          yield bytes;
        })(),
        cancel() {},
      };
    },
    readRange: async (_url, { start, end }) => ({ bytes: part(start, end), etag: '"1"', totalBytes: file.length }),
    fetch,
    async close() {},
  };
}
