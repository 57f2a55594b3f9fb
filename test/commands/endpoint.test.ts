import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { SAMPLE_BENCHMARKS } from '../../src/evaluation/sample.js';
import { type Asked, answer, type Behaviour, refuse, startChatServer } from '../chat/chat-server.js';
import { llavahr, readLines, resultFolder, start, testFolder, waitForLines } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const VLLM = {
  '/v1/models': { object: 'list', data: [{ id: 'llava', root: 'llava-hf/llava-1.5-7b-hf', max_model_len: 4096 }] },
  '/version': { version: '0.11.0' },
};

/** The text of the question in a request. */
function textOf({ messages }: Asked): string {
  const { content } = messages.at(-1)!;
  return typeof content === 'string'
    ? content
    : content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

const isTest = (asked: Asked): boolean => textOf(asked).startsWith('What colour is this?');
const yes: Behaviour = ({ asked }, response) => answer(asked, response, ' Yes', { model: 'llava' });

function args(url: string, output: string, ...more: string[]): string[] {
  const data = join(SAMPLE_BENCHMARKS, 'pope');
  const asked = ['--data', data, '--endpoint', url, '--endpoint-model', 'llava', '--limit', '24'];
  return ['eval', 'pope', ...asked, '--output', join(folder, output), ...more];
}

test('a served model answers, with scores, times, tokens and cost; the server is on record, the key is not', async (t) => {
  const server = await startChatServer(t, yes, { pages: VLLM });
  const command = args(
    server.url,
    'plain',
    '--endpoint-key',
    'MY_KEY',
    '--prices',
    '0.5,1',
    '--system-prompt',
    'Be brief.',
  );
  const { code, stdout, stderr } = await start(folder, command, { MY_KEY: 'sk-very-secret' }).result;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /pope .*, llava, served by vllm 0\.11\.0/);
  assert.match(stdout, /first token \(ms\) +\d/);
  assert.match(stdout, /prompt tokens +14400\n.*answer tokens +48\n.*cost +0\.0072/s);
  assert.match(stdout, /Servers form batches as requests arrive/);
  assert.equal(server.asked.length, 25);

  const { messages, ...request } = server.asked.find((asked) => !isTest(asked))!;
  assert.deepEqual(request, {
    ...{ model: 'llava', max_tokens: 128, temperature: 0, seed: 0, stream: true },
    stream_options: { include_usage: true },
  });
  const [system, user] = messages;
  assert.deepEqual(system, { role: 'system', content: 'Be brief.' });
  const [image, text] = user!.content as unknown as [{ image_url: { url: string } }, { text: string }];
  const [, type, base64] = /^data:(.*?);base64,(.*)$/.exec(image.image_url.url)!;
  assert.equal(type, 'image/jpeg');
  const images = await readdir(join(SAMPLE_BENCHMARKS, 'pope', 'val2014'));
  const originals = images.map((name) => readFileSync(join(SAMPLE_BENCHMARKS, 'pope', 'val2014', name)));
  assert.ok(
    originals.some((bytes) => bytes.equals(Buffer.from(base64!, 'base64'))),
    'the bytes of the file',
  );
  assert.match(text.text, /\nAnswer the question using a single word or phrase\.$/);

  const run = await resultFolder(join(folder, 'plain'));
  assert.match(run, /pope-llava-[0-9a-f]{8}$/);
  const record = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'));
  assert.deepEqual(record.identity.server, {
    ...{ engine: 'vllm', version: '0.11.0', modelPath: 'llava-hf/llava-1.5-7b-hf', context: 4096 },
    ...{ model: 'llava', temperature: 0, seed: 0, systemPrompt: 'Be brief.' },
  });
  const { settings } = record.sessions[0];
  assert.deepEqual(
    { endpoint: settings.endpoint, reproducible: settings.reproducible, concurrency: settings.concurrency },
    { endpoint: server.url, reproducible: false, concurrency: 'auto' },
  );
  const lines = readLines(run);
  assert.deepEqual([lines.length, lines[0]!.text], [24, 'Yes']);
  const latency = JSON.parse(readFileSync(join(run, 'latency.json'), 'utf8'));
  assert.ok(latency.firstTokenMs.p50 > 0 && latency.tokensPerSecond.endToEnd > 0);
  assert.deepEqual([latency.tokensPerSecond.model, latency.modelIdle, latency.peakMemoryBytes], [null, null, null]);
  const files = (await readdir(run)).map((name) => readFileSync(join(run, name), 'utf8'));
  assert.doesNotMatch(files.join('\n') + stdout + stderr, /very-secret/);

  const again = await start(folder, command, { MY_KEY: 'sk-very-secret' }).result;
  assert.equal(again.code, 0, again.stderr);
  assert.equal(server.asked.length, 26, 'a complete run is only checked');
  assert.match(again.stderr, /already complete/);
});

test('a run survives every fault of its servers', async (t) => {
  const faults: Behaviour[] = [
    (_request, response) => refuse(response, 429, 'slow down', { 'retry-after': '0.1' }),
    (_request, response) => refuse(response, 500, 'oops'),
    (_request, response) => void response.destroy(),
    () => {}, // hangs
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"delta":{"content":"ha"}}]}\n\n', () => response.destroy());
    },
    (_request, response) => void response.end('{"choices":'),
    (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>'),
  ];
  let count = 0;
  const faulty: Behaviour = (request, response) => {
    const fault = isTest(request.asked) || count++ % 3 !== 0 ? undefined : faults.shift();
    if (fault) return fault(request, response);
    return yes(request, response);
  };
  const servers = [await startChatServer(t, faulty), await startChatServer(t, faulty)];
  const urls = servers.map(({ url }) => url).join(',');
  const { code, stderr } = await llavahr(
    folder,
    ...args(urls, 'faulty', '--request-timeout', '2', '--concurrency', '2'),
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(faults, [], 'every fault came about');
  const lines = readLines(await resultFolder(join(folder, 'faulty')));
  assert.deepEqual(new Set(lines.map(({ text }) => text)), new Set(['Yes']));
  assert.ok(
    servers.every(({ asked }) => asked.length > 1),
    'more than the test question',
  );
});

test('refused questions and withheld answers fail alone, and are asked again by the same command', async (t) => {
  let isHealed = false;
  const server = await startChatServer(t, async (request, response) => {
    const number = server.asked.length;
    if (isHealed || ![5, 9].includes(number)) await yes(request, response);
    else if (number === 5) refuse(response, 400, 'the image is too large');
    else await answer(request.asked, response, null, { model: 'llava', finishReason: 'content_filter' });
  });
  const command = args(server.url, 'refused', '--concurrency', '1');
  const first = await llavahr(folder, ...command);
  assert.equal(first.code, 3, first.stderr);
  const run = await resultFolder(join(folder, 'refused'));
  const codes = readLines(run).flatMap(({ error }) => (error ? [error.code] : []));
  assert.deepEqual(codes.sort(), ['content-filter', 'request-refused']);
  isHealed = true;
  assert.equal((await llavahr(folder, ...command)).code, 0);
  assert.equal(readLines(run).filter(({ text }) => text === null).length, 0);
});

test('an answer of nothing but thoughts fails, and one that the server broke off is asked for again', async (t) => {
  const server = await startChatServer(t, async (request, response) => {
    const number = server.asked.length;
    if (number === 1) await answer(request.asked, response, '<think> It is');
    else if (number === 5) await answer(request.asked, response, '', { finishReason: 'length' });
    else if (number === 9) await answer(request.asked, response, 'N', { finishReason: 'abort' });
    else await yes(request, response);
  });
  const { code, stderr } = await llavahr(folder, ...args(server.url, 'thoughts', '--concurrency', '1'));
  assert.equal(code, 3, stderr);
  assert.match(stderr, /The model's thoughts are part of its answers and will be scored with them/);
  assert.match(stderr, /1 no-answer, question \S+: all \d+ tokens of the limit were used before the answer began/);
  const lines = readLines(await resultFolder(join(folder, 'thoughts')));
  assert.deepEqual(new Set(lines.map(({ text }) => text)), new Set(['Yes', null]));
});

test('a server that dies ends the run with its answers kept; Ctrl-C does so too, and the command resumes', async (t) => {
  const server = await startChatServer(t, async (request, response) => {
    if (request.count === 12) server.close();
    else await yes(request, response);
  });
  const port = new URL(server.url).port;
  const command = args(server.url, 'dying', '--concurrency', '2');
  const died = await start(folder, command).result;
  assert.equal(died.code, 1, died.stderr);
  assert.match(died.stderr, /refused the connection\. Next try in/);
  assert.match(died.stderr, /The server can no longer be used: .*refused the connection.*rerun the command to resume/s);
  const run = await resultFolder(join(folder, 'dying'));
  assert.ok(readLines(run).length >= 9);

  const slow = await startChatServer(
    t,
    async (request, response) => {
      if (slow.asked.length < 6) await yes(request, response); // then it hangs
    },
    { port: Number(port) },
  );
  const running = start(folder, command);
  await waitForLines(join(folder, 'dying'), readLines(run).length + 2);
  running.process.kill('SIGINT');
  const stopped = await running.result;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /Interrupted: \d+ of 24 answers/);
  slow.close();

  await startChatServer(t, yes, { port: Number(port) });
  const resumed = await start(folder, command).result;
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal(readLines(run).length, 24);
});

test('a server that cannot be used is told before anything else, and leaves no run folder', async (t) => {
  const withoutImages = await startChatServer(t, (_request, response) =>
    refuse(response, 400, 'llava is not a multimodal model'),
  );
  const unknown = await startChatServer(t, (_request, response) => refuse(response, 404, 'no such model'), {
    pages: { '/v1/models': { data: [{ id: 'other-model' }] } },
  });
  const locked = await startChatServer(t, (_request, response) => refuse(response, 401, 'no key'));
  const [one, other] = [
    await startChatServer(t, yes, { pages: VLLM }),
    await startChatServer(t, yes, { pages: { ...VLLM, '/version': { version: '0.10.0' } } }),
  ];
  const cases: [string, number, RegExp][] = [
    [
      'http://127.0.0.1:9/v1',
      1,
      /127\.0\.0\.1:9\/v1 did not answer a test question about an image: [^ ]* 127\.0\.0\.1:9 refused the connection\.$/m,
    ],
    [withoutImages.url, 1, /400 .*not a multimodal model/],
    [unknown.url, 1, /404 .*It offers other-model\./],
    [locked.url, 1, /401 .*no key/],
    [`${one.url},${other.url}`, 1, /servers differ and cannot share a run: version is "0\.11\.0" .*"0\.10\.0"/],
    ['localhost:8000', 2, /"localhost:8000" is not an address such as/],
  ];
  const results = await Promise.all(cases.map(([url]) => llavahr(folder, ...args(url, 'unusable'))));
  for (const [i, [url, code, message]] of cases.entries()) {
    assert.equal(results[i]!.code, code, `${url}: ${results[i]!.stderr}`);
    assert.match(results[i]!.stderr, message);
  }
  assert.ok(!existsSync(join(folder, 'unusable')));
});

test('options that do not fit together are usage errors', async () => {
  const url = 'http://127.0.0.1:9/v1';
  const cases: [string[], RegExp][] = [
    [['eval', 'pope', '--endpoint', url], /--endpoint needs --endpoint-model/],
    [['eval', 'pope', '--endpoint-model', 'm'], /need --endpoint/],
    [
      ['eval', 'pope', '--endpoint', url, '--endpoint-model', 'm', '--device', 'cpu'],
      /cannot be used with option '--device/,
    ],
    [['eval', 'pope', '--endpoint', url, '--endpoint-model', 'm', '--prices', '3'], /two numbers, input,output/],
  ];
  for (const [command, message] of cases) {
    const { code, stderr } = await llavahr(folder, ...command);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});
