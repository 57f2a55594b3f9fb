import { UserError } from '../errors.js';

/**
 * Reads the body of a response into memory, up to a limit.
 * @throws UserError when it has more than `maxBytes`; the rest is not read
 */
export async function boundedBody(
  { url, body }: { url: string; body: AsyncIterable<Uint8Array> | Response['body'] },
  maxBytes: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new UserError(`${url} sent more than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
