import { Writable } from 'node:stream';

/** A stream that keeps what is written to it, as a terminal of 120 columns or as none. */
export function fakeStream(isTTY: boolean) {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns: 120 }), text: () => text };
}
