import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixedLimit } from '../../src/chat/adaptive-limit.js';
import { openChatClient } from '../../src/chat/chat-client.js';
import { type ChatPool, openChatPool } from '../../src/chat/chat-pool.js';
import { answer, refuse, startChatServer } from './chat-server.js';

const { signal } = new AbortController();
const request = { messages: [{ role: 'user', content: 'Hello?' }], maxTokens: 5, temperature: 0 } as const;
const GONE = 'http://127.0.0.1:9/v1';

function poolOf(urls: readonly string[], { limit = 4, retries = 3, timeoutMs = 5000 } = {}) {
  const notices: string[] = [];
  const pool = openChatPool(
    urls.map((baseUrl) => openChatClient({ baseUrl, model: 'm', timeoutMs })),
    {
      limitOf: () => fixedLimit(limit),
      onNotice: (message) => notices.push(message),
      retry: { retries, minTimeoutMs: 1 },
    },
  );
  return { pool, notices };
}

function askAll(pool: ChatPool, count: number): Promise<string[]> {
  const one = async () => (await pool.ask(async () => request, signal)).reply.content!;
  return Promise.all(Array.from({ length: count }, one));
}

const slowly = (text: string) => (t: TestContext) =>
  startChatServer(t, async ({ asked }, response) => {
    await sleep(5);
    await answer(asked, response, text);
  });

test('requests are shared by the servers, within the limit of each', async (t) => {
  const servers = await Promise.all([slowly('a')(t), slowly('b')(t), slowly('c')(t)]);
  const { pool } = poolOf(servers.map(({ url }) => url));
  assert.equal((await askAll(pool, 60)).length, 60);
  for (const { asked, mostAtOnce } of servers) {
    assert.ok(asked.length >= 10, String(asked.length));
    assert.ok(mostAtOnce() <= 4);
  }
});

test('an unreachable server is dropped with a notice, and its requests go to the others', async (t) => {
  const server = await slowly('here')(t);
  const { pool, notices } = poolOf([GONE, server.url]);
  assert.deepEqual(new Set(await askAll(pool, 40)), new Set(['here']));
  assert.ok(notices.some((notice) => /refused the connection.*Next try in/.test(notice)));
});

test('when no server is left, the error gives the reasons and says that nothing is lost', async () => {
  const { pool, notices } = poolOf([GONE]);
  await assert.rejects(askAll(pool, 8), {
    name: 'UserError',
    message: /can no longer be used: .*refused the connection.*rerun the command to resume/,
  });
  assert.equal(notices.length, 3, 'one for each try, however many requests failed with it');
});

test('one question that the server cannot answer fails alone', async (t) => {
  const server = await startChatServer(t, async ({ asked }, response) => {
    if (asked.messages[0]!.content === 'bad') refuse(response, 500, 'segmentation fault');
    else await answer(asked, response, 'fine');
  });
  const { pool } = poolOf([server.url], { limit: 1 });
  const bad = pool.ask(async () => ({ ...request, messages: [{ role: 'user', content: 'bad' }] }), signal);
  const others = askAll(pool, 5);
  await assert.rejects(bad, { name: 'ChatError', concerns: 'question', message: /segmentation fault/ });
  assert.deepEqual(await others, Array(5).fill('fine'));
});

test('a server that answers every question with an error is given up', async (t) => {
  const server = await startChatServer(t, (_request, response) => refuse(response, 500, 'CUDA error'));
  const { pool } = poolOf([server.url]);
  await assert.rejects(askAll(pool, 20), { name: 'UserError', message: /CUDA error/ });
});

test('a pause requested by a server is respected, and a hanging server is given up after a few timeouts', async (t) => {
  const times: number[] = [];
  const busy = await startChatServer(t, async ({ asked, count }, response) => {
    times.push(performance.now());
    if (count === 1) refuse(response, 429, 'slow down', { 'retry-after': '1' });
    else await answer(asked, response, 'now');
  });
  const { pool } = poolOf([busy.url]);
  assert.deepEqual(await askAll(pool, 1), ['now']);
  assert.ok(times[1]! - times[0]! >= 990);

  const hanging = await startChatServer(t, () => {});
  const { pool: hung } = poolOf([hanging.url], { timeoutMs: 100 });
  await assert.rejects(askAll(hung, 1), { name: 'ChatError', message: /no answer within 0\.1 s/ });
  assert.equal(hanging.asked.length, 3);
});

test('waiting for a busy server ends when the signal is aborted', async (t) => {
  const server = await startChatServer(t, () => {});
  const { pool } = poolOf([server.url], { limit: 1 });
  const cancel = new AbortController();
  const asked = [1, 2].map(() => pool.ask(async () => request, cancel.signal));
  setTimeout(() => cancel.abort(new Error('stop')), 50);
  for (const one of asked) await assert.rejects(one, { message: 'stop' });
  assert.equal(server.asked.length, 1);
});
