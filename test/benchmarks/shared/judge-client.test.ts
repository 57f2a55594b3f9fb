import assert from 'node:assert/strict';
import test from 'node:test';
import { checkJudge } from '../../../src/benchmarks/shared/judge-client.js';
import { refuse, startChatServer } from '../../chat/chat-server.js';

const QUESTION = { text: 'Reply with the digit 1.', maxTokens: 3, temperature: 0 };

test('a judge that refuses is an error, one that is slow is only pointed out', async (t) => {
  const slow = await startChatServer(t, () => {});
  const notices: string[] = [];
  const { signal } = new AbortController();
  const options = { signal, onNotice: (message: string) => void notices.push(message), patienceMs: 100 };
  await checkJudge({ baseUrl: slow.url, model: 'm' }, QUESTION, options);
  assert.deepEqual(notices, [`The judge at ${slow.url} did not answer a test question within 0.1 s. Continuing.`]);

  const locked = await startChatServer(t, (_request, response) => refuse(response, 401, 'no key'));
  await assert.rejects(checkJudge({ baseUrl: locked.url, model: 'm' }, QUESTION, { ...options, patienceMs: 60_000 }), {
    name: 'UserError',
    message: /did not answer a test question to the judge: .*401 .*no key/,
  });
  const stopped = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(
    checkJudge({ baseUrl: slow.url, model: 'm' }, QUESTION, { ...options, signal: stopped }),
    /stopped/,
  );
});
