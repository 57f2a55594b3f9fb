import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { postJson } from '../../../src/shared/http/exchange.js';
import { TemporaryFailure } from '../../../src/shared/http/retry.js';

const limits = { timeoutMs: 5000, maxBytes: 1000, signal: new AbortController().signal };

async function withServer(answer: RequestListener, check: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await check(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('the key is sent, and redacted if the server repeats it', () =>
  withServer(
    (request, response) => {
      response.writeHead(401, { 'retry-after': '3' }).end(`wrong: ${request.headers.authorization}`);
    },
    async (url) => {
      const answer = await postJson(url, {}, { ...limits, key: 'a-secret-of-any-shape' });
      assert.deepEqual(answer, {
        status: 401,
        text: 'wrong: Bearer [hidden]',
        mediaType: '',
        retryAfterMs: 3000,
        location: null,
      });
      assert.equal((await postJson(url, {}, { ...limits, key: 'EMPTY' })).text, 'wrong: Bearer EMPTY');
    },
  ));

test('redirects are not followed', () =>
  withServer(
    (_request, response) => {
      response.writeHead(302, { location: 'http://elsewhere.invalid/' }).end();
    },
    async (url) => {
      const { status, location } = await postJson(url, {}, limits);
      assert.deepEqual({ status, location }, { status: 302, location: 'http://elsewhere.invalid/' });
    },
  ));

test('a response that is too large, a broken connection and a hanging server are temporary failures', () =>
  withServer(
    async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { behaviour } = JSON.parse(Buffer.concat(chunks).toString()) as { behaviour: string };
      if (behaviour === 'large') response.end(Buffer.alloc(1001));
      else if (behaviour === 'cut') response.destroy();
    },
    async (url) => {
      await assert.rejects(postJson(url, { behaviour: 'large' }, limits), TemporaryFailure);
      await assert.rejects(postJson(url, { behaviour: 'cut' }, limits), TemporaryFailure);
      await assert.rejects(postJson(url, { behaviour: 'hang' }, { ...limits, timeoutMs: 100 }), {
        name: 'TemporaryFailure',
        message: /no answer within 0\.1 s/,
      });
      const signal = AbortSignal.timeout(50);
      await assert.rejects(postJson(url, { behaviour: 'hang' }, { ...limits, signal }), { name: 'TimeoutError' });
    },
  ));

test('the proxy in the environment is used', () =>
  withServer(
    (_request, response) => void response.end('{}'),
    async (url) => {
      const tunnels: string[] = [];
      const proxy = createServer().on('connect', (request, socket: Socket) => {
        tunnels.push(request.url!);
        const { hostname, port } = new URL(`http://${request.url}`);
        const upstream = connect(Number(port), hostname, () => {
          socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
        for (const end of [socket, upstream]) end.on('error', () => {});
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      try {
        assert.equal((await postJson(url, {}, limits)).text, '{}');
        assert.deepEqual(tunnels, [new URL(url).host]);
      } finally {
        delete process.env['http_proxy'];
        proxy.close();
      }
    },
  ));
