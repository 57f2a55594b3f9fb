import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ChatError, openChatClient } from '../../src/chat/chat-client.js';
import { TemporaryFailure } from '../../src/shared/http/retry.js';
import { answer, type Behaviour, refuse, sendJson, startChatServer } from './chat-server.js';

const { signal } = new AbortController();
const request = {
  messages: [{ role: 'user', content: 'Hello?' }],
  maxTokens: 5,
  temperature: 0,
  seed: 1,
  stream: true,
} as const;

async function clientOf(t: TestContext, behaviour: Behaviour, timeoutMs = 5000) {
  const server = await startChatServer(t, behaviour);
  return { server, client: openChatClient({ baseUrl: `${server.url}/`, model: 'm', key: 'secret-key-1', timeoutMs }) };
}

test("a streamed answer is assembled, with its times and the server's counts", async (t) => {
  const { server, client } = await clientOf(t, ({ asked }, response) =>
    answer(asked, response, 'A grüne Wiese', { pauseMs: 20 }),
  );
  const { reply, firstTokenMs, totalMs } = await client.ask(request, signal);
  assert.deepEqual(reply, {
    content: 'A grüne Wiese',
    finishReason: 'stop',
    model: 'served-model-2026',
    fingerprint: 'fp_1',
    promptTokens: 600,
    completionTokens: 4,
  });
  // The server pauses before each of three pieces; a busy client may see the first one late.
  assert.ok(firstTokenMs !== null && firstTokenMs >= 19 && totalMs > firstTokenMs && totalMs >= 57);
  assert.deepEqual(server.asked, [
    {
      ...{ model: 'm', messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 5, temperature: 0, seed: 1 },
      ...{ stream: true, stream_options: { include_usage: true } },
    },
  ]);
  assert.deepEqual([...server.keys], ['Bearer secret-key-1']);
});

test('an answer that is not streamed although requested is accepted', async (t) => {
  const { client } = await clientOf(t, ({ asked }, response) => answer({ ...asked, stream: false }, response, 'whole'));
  const { reply, firstTokenMs } = await client.ask(request, signal);
  assert.equal(reply.content, 'whole');
  assert.equal(firstTokenMs, null);
});

test('characters split between packets stay intact', async (t) => {
  const { client } = await clientOf(t, async (_request, response) => {
    const bytes = Buffer.from(
      `data: ${JSON.stringify({ choices: [{ delta: { content: 'Größe 大' }, finish_reason: 'stop' }] })}\n\n`,
    );
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  assert.equal((await client.ask(request, signal)).reply.content, 'Größe 大');
});

test('parameters that the server refuses are left out from then on', async (t) => {
  const REFUSALS: [string, string][] = [
    [
      'max_tokens',
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    ],
    [
      'temperature',
      "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
    ],
    ['seed', 'Extra inputs are not permitted: seed'],
    ['stream_options', 'Unknown field: stream_options'],
    ['stream', 'stream is not supported'],
  ];
  const { server, client } = await clientOf(t, async ({ asked }, response) => {
    const refused = REFUSALS.find(([name]) => name in asked);
    if (refused) refuse(response, refused[0] === 'seed' ? 422 : 400, refused[1]);
    else await answer(asked, response, 'at last');
  });
  assert.equal((await client.ask(request, signal)).reply.content, 'at last');
  assert.deepEqual(server.asked.at(-1), { model: 'm', messages: [...request.messages], max_completion_tokens: 5 });
  assert.equal(server.asked.length, REFUSALS.length + 1);
  await client.ask(request, signal);
  assert.equal(server.asked.length, REFUSALS.length + 2);
});

const TEMPORARY: { what: string; kind: string; message: RegExp; behaviour: Behaviour }[] = [
  {
    what: 'too many requests',
    kind: 'overloaded',
    message: /429 .*slow down/,
    behaviour: (_request, response) => refuse(response, 429, 'slow down', { 'retry-after': '7' }),
  },
  {
    what: 'status 503',
    kind: 'overloaded',
    message: /503/,
    behaviour: (_request, response) => refuse(response, 503, 'busy'),
  },
  {
    what: 'status 500',
    kind: 'broken',
    message: /500/,
    behaviour: (_request, response) => refuse(response, 500, 'oops'),
  },
  { what: 'a hang', kind: 'timeout', message: /no answer within 0\.3 s/, behaviour: () => {} },
  {
    what: 'a dropped connection',
    kind: 'broken',
    message: /127\.0\.0\.1/,
    behaviour: (_request, response) => void response.destroy(),
  },
  {
    what: 'a stream that stops in the middle',
    kind: 'timeout',
    message: /no answer within/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"delta":{"content":"half an"}}]}\n\n');
    },
  },
  {
    what: 'a stream whose connection is cut',
    kind: 'broken',
    message: /127\.0\.0\.1/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"delta":{"content":"half an"}}]}\n\n', () => response.destroy());
    },
  },
  {
    what: 'a stream that ends before the answer does',
    kind: 'broken',
    message: /cut off before the answer was complete/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"choices":[{"delta":{"content":"half an"}}]}\n\n');
    },
  },
  {
    what: 'malformed JSON in a stream',
    kind: 'broken',
    message: /not JSON: data: \{"choices/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"choices":[{"delta":\n\ndata: [DONE]\n\n');
    },
  },
  {
    what: 'an error within a stream',
    kind: 'broken',
    message: /500 out of blocks/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"error":{"message":"out of blocks","code":500}}\n\ndata: [DONE]\n\n');
    },
  },
  {
    what: 'a web page',
    kind: 'broken',
    message: /not JSON: <html>/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Welcome</html>');
    },
  },
  {
    what: 'JSON that is no completion',
    kind: 'broken',
    message: /not a chat completion: \{"object":"list"/,
    behaviour: (_request, response) => sendJson(response, 200, { object: 'list', data: [] }),
  },
  {
    what: 'a body without end',
    kind: 'broken',
    message: /sent more than 8388608 bytes/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(Buffer.alloc((8 << 20) + 1, ' '));
    },
  },
];
for (const { what, kind, message, behaviour } of TEMPORARY) {
  test(`${what} may pass (${kind})`, async (t) => {
    const { client } = await clientOf(t, behaviour, kind === 'timeout' ? 300 : 5000);
    await assert.rejects(client.ask(request, signal), (error: unknown) => {
      assert.ok(error instanceof TemporaryFailure, String(error));
      assert.equal(error.kind, kind);
      assert.match(error.message, message);
      assert.equal(error.retryAfterMs, what === 'too many requests' ? 7000 : 0);
      return true;
    });
  });
}

const FINAL: { what: string; concerns: string; message: RegExp; behaviour: Behaviour }[] = [
  {
    what: 'a wrong key',
    concerns: 'server',
    message: /401 \(the API key was refused\) .*no such key \[hidden\]/,
    behaviour: (_request, response) => refuse(response, 401, 'no such key secret-key-1'),
  },
  {
    what: 'an unknown model',
    concerns: 'server',
    message: /404/,
    behaviour: (_request, response) => refuse(response, 404, 'no model m'),
  },
  {
    what: 'an account without credit',
    concerns: 'server',
    message: /429/,
    behaviour: (_request, response) => refuse(response, 429, 'insufficient_quota'),
  },
  {
    what: 'a redirect',
    concerns: 'server',
    message: /307 leads to https:\/\/elsewhere\.invalid/,
    behaviour: (_request, response) => void response.writeHead(307, { location: 'https://elsewhere.invalid/' }).end(),
  },
  {
    what: 'a refused question',
    concerns: 'question',
    message: /400 .*too long/,
    behaviour: (_request, response) => refuse(response, 400, 'the prompt is too long'),
  },
  {
    what: 'a refused question within a stream',
    concerns: 'question',
    message: /400 too many images/,
    behaviour: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"error":{"message":"too many images","code":400}}\n\n');
    },
  },
];
for (const { what, concerns, message, behaviour } of FINAL) {
  test(`${what} is final (${concerns})`, async (t) => {
    const { client } = await clientOf(t, behaviour);
    await assert.rejects(client.ask(request, signal), (error: unknown) => {
      assert.ok(error instanceof ChatError, String(error));
      assert.equal(error.concerns, concerns);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('a key that a server repeats is hidden by its value, wherever it stands', async (t) => {
  const escaped = 'secret-key-1'.replace('k', '\\u006b');
  const { client } = await clientOf(t, ({ asked }, response) => {
    const said = `{"content": "see ${escaped}", "role": "assistant"}`;
    const body = `{"model": "m-${escaped}", "system_fingerprint": "${escaped}", "choices": [{"X": ${said}, "finish_reason": "stop"}]}`;
    if (asked.stream)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${body.replace('X', 'delta')}\n\n`);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(body.replace('X', 'message'));
  });
  for (const stream of [true, false]) {
    const { reply } = await client.ask({ ...request, stream }, signal);
    assert.deepEqual([reply.content, reply.model, reply.fingerprint], ['see [hidden]', 'm-[hidden]', '[hidden]']);
  }
});

test('an answer that is not UTF-8 is not altered but asked for again', async (t) => {
  const { client } = await clientOf(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(Buffer.from('{"choices": [{"message": {"content": "caf\xe9"}}]}', 'latin1'));
  });
  await assert.rejects(client.ask(request, signal), { name: 'TemporaryFailure', message: /the answer is not UTF-8/ });
});

test("a refusal counts as the model's answer", async (t) => {
  const { client } = await clientOf(t, (_request, response) => {
    const message = { content: null, refusal: 'I cannot help with that.' };
    sendJson(response, 200, { choices: [{ message, finish_reason: 'stop' }] });
  });
  assert.equal((await client.ask(request, signal)).reply.content, 'I cannot help with that.');
});

test('an aborted request ends with the reason of the signal; a wrong address is a usage error', async (t) => {
  const cancel = new AbortController();
  const { client } = await clientOf(t, () => cancel.abort(new Error('stop')));
  await assert.rejects(client.ask(request, cancel.signal), { message: 'stop' });
  for (const baseUrl of ['localhost:8000', 'file:///etc', '', 'http://']) {
    assert.throws(() => openChatClient({ baseUrl, model: 'm', timeoutMs: 1 }), { exitCode: 2 });
  }
});
