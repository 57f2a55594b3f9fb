import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, beforeEach } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type CostEstimate, type GradeOptions, gradeMmVet } from '../../src/benchmarks/mmvet-judge.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-judge-'));
const CACHE = join(folder, 'cache', 'grades.jsonl');
await writeFile(
  join(folder, 'mm-vet.json'),
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [
        `v1_${i}`,
        { imagename: 'a.png', question: `Question ${i}?`, answer: 'a<OR>b', capability: [i % 2 ? 'rec' : 'ocr'] },
      ]),
    ),
  ),
);

/** A request as received by the judge. */
interface Asked {
  model: string;
  max_tokens: number;
  temperature: number;
  messages: { role: string; content: string }[];
}
type Behaviour = (asked: Asked, response: ServerResponse, count: number) => void;

let behaviour: Behaviour;
let asked: (Asked & { authorization?: string; path?: string })[] = [];
const server = createServer(async (request, response) => {
  const body = JSON.parse(await textOf(request)) as Asked;
  asked.push({ ...body, authorization: request.headers.authorization, path: request.url });
  behaviour(body, response, asked.length);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function grade(response: ServerResponse, content: string | null): void {
  response.setHeader('content-type', 'application/json');
  const usage = { prompt_tokens: 700, completion_tokens: 2 };
  response.end(JSON.stringify({ model: 'gpt-4-0613', choices: [{ message: { role: 'assistant', content } }], usage }));
}

function refuse(response: ServerResponse, status: number, message: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ error: { message } }));
}

function options(changes: Partial<GradeOptions> = {}): GradeOptions {
  return {
    folder,
    answers: new Map([
      ['v1_0', 'zero'],
      ['v1_1', 'one'],
    ]),
    judge: { baseUrl, model: 'gpt-4', backoffMs: 1, timeoutMs: 5000 },
    runs: 1,
    cachePath: CACHE,
    ...changes,
  };
}

/** Answers to the first `count` questions. */
function answersTo(count: number): Map<string, string> {
  return new Map(Array.from({ length: count }, (_, i) => [`v1_${i}`, `answer ${i}`]));
}

beforeEach(async () => {
  asked = [];
  await rm(join(folder, 'cache'), { recursive: true, force: true });
});

test('every answer is graded in every run with the official request, and the next call uses the cache', async () => {
  process.env['LLAVAHR_TEST_KEY'] = 'sk-secret';
  behaviour = ({ messages }, response) => grade(response, messages[0]!.content.includes('zero') ? '1.0' : '0.5');
  const estimates: (CostEstimate & { asked: number })[] = [];
  const progress: [number, number][] = [];
  const graded = options({
    runs: 3,
    judge: { baseUrl: `${baseUrl}/`, model: 'gpt-4', apiKeyEnv: 'LLAVAHR_TEST_KEY' },
    onEstimate: (estimate) => {
      estimates.push({ ...estimate, asked: asked.length });
    },
    onProgress: (done, all) => progress.push([done, all]),
  });
  const { score, runTotals, std, questions, failures, judgeModels, usage } = await gradeMmVet(graded);
  assert.equal(score.scores.total, 75);
  assert.equal(score.scores['capability/ocr'], 100);
  assert.deepEqual(runTotals, [75, 75, 75]);
  assert.equal(std, 0);
  assert.deepEqual(questions, [
    { id: 'v1_0', grades: [1, 1, 1] },
    { id: 'v1_1', grades: [0.5, 0.5, 0.5] },
  ]);
  assert.deepEqual(failures, []);
  assert.deepEqual(judgeModels, ['gpt-4-0613']);
  assert.deepEqual(usage, { requests: 6, promptTokens: 4200, completionTokens: 12 });
  assert.equal(asked.length, 6);
  const [first] = asked;
  assert.equal(first!.path, '/v1/chat/completions');
  assert.equal(first!.authorization, 'Bearer sk-secret');
  assert.deepEqual(
    { model: first!.model, max_tokens: first!.max_tokens, temperature: first!.temperature },
    { model: 'gpt-4', max_tokens: 3, temperature: 0 },
  );
  assert.equal(first!.messages.length, 1);
  assert.equal(first!.messages[0]!.role, 'user');
  assert.ok(first!.messages[0]!.content.endsWith('| 1.0\n\nQuestion 0? | a <OR> b | zero | '));
  assert.equal(estimates.length, 1);
  const { promptTokens, ...estimate } = estimates[0]!;
  assert.deepEqual(estimate, { requests: 6, completionTokens: 18, asked: 0 });
  assert.ok(promptTokens > 6 * 400 && promptTokens < 6 * 1200);
  assert.deepEqual(
    [progress[0], progress.at(-1)],
    [
      [0, 6],
      [6, 6],
    ],
  );
  assert.ok(!(await readFile(CACHE, 'utf8')).includes('sk-secret'));

  behaviour = (_asked, response) => grade(response, '0.0');
  const again = await gradeMmVet(graded);
  assert.equal(asked.length, 6);
  assert.equal(estimates.length, 1);
  assert.equal(again.score.scores.total, 75);
  assert.deepEqual(again.judgeModels, ['gpt-4-0613']);
  assert.equal(again.usage.requests, 0);
  // One more run requests only that run, a changed answer only that answer, a different judge everything.
  await gradeMmVet({ ...graded, runs: 4 });
  assert.equal(asked.length, 8);
  await gradeMmVet({ ...graded, answers: new Map([...graded.answers, ['v1_0', 'nought']]) });
  assert.equal(asked.length, 11);
  await gradeMmVet({ ...graded, runs: 1, judge: { ...graded.judge, model: 'other' } });
  assert.equal(asked.length, 13);
});

test('invalid grades are retried with the reminder and rising temperature', async () => {
  const contents = ['The', null, '1.5', '0.5.', '0.7 |'];
  behaviour = (_asked, response, count) => grade(response, contents[count - 1]!);
  const { questions } = await gradeMmVet(options({ answers: answersTo(1) }));
  assert.deepEqual(questions, [{ id: 'v1_0', grades: [0.7] }]);
  assert.deepEqual(
    asked.map(({ temperature, messages }) => [temperature, messages[0]!.content.endsWith('(digit): ')]),
    [
      [0, false],
      [0, true],
      [0.5, true],
      [1, true],
      [1.5, true],
    ],
  );
});

test('a grading without a valid grade is a failure, not 0, and is retried by the next call', async () => {
  behaviour = ({ messages }, response) => grade(response, messages[0]!.content.includes('zero') ? 'no' : '0.8');
  const { score, questions, failures } = await gradeMmVet(options({ concurrency: 1 }));
  assert.equal(score.scores.total, 80);
  assert.deepEqual(questions[0], { id: 'v1_0', grades: [null] });
  assert.equal(failures.length, 1);
  assert.match(failures[0]!.reason, /no grade between 0 and 1 in 5 attempts; last answer: "no"/);
  assert.match(score.notes.join(), /1 of 2 gradings failed.*a total of 40\.0/);
  assert.equal(asked.length, 6);
  behaviour = (_asked, response) => grade(response, '0.2');
  const again = await gradeMmVet(options());
  assert.equal(asked.length, 7);
  assert.equal(again.score.scores.total, 50);
});

test('a null answer gets 0 without being graded', async () => {
  behaviour = (_asked, response) => grade(response, '1.0');
  const { score, questions } = await gradeMmVet(
    options({
      answers: new Map([
        ['v1_0', null],
        ['v1_1', 'one'],
      ]),
    }),
  );
  assert.equal(asked.length, 1);
  assert.equal(score.scores.total, 50);
  assert.equal(score.failed, 1);
  assert.deepEqual(questions[0]!.grades, [0]);
});

test('Retry-After is respected after a 429', async () => {
  const times: number[] = [];
  behaviour = (_asked, response, count) => {
    times.push(performance.now());
    if (count === 1) refuse(response, 429, 'slow down', { 'retry-after': '1' });
    else grade(response, '0.5');
  };
  const { score } = await gradeMmVet(options({ answers: answersTo(1) }));
  assert.equal(score.scores.total, 50);
  assert.equal(times.length, 2);
  assert.ok(times[1]! - times[0]! >= 990);
});

test('server errors, dropped connections, invalid replies and timeouts are retried', async () => {
  behaviour = (_asked, response, count) => {
    if (count === 1) refuse(response, 500, 'broken');
    else if (count === 2) response.destroy();
    else if (count === 3) response.end('<html>gateway</html>');
    else if (count === 4) response.end('{"choices":[]}');
    else if (count > 5) grade(response, '0.5'); // the fifth hangs
  };
  const judge = { baseUrl, model: 'gpt-4', backoffMs: 1, timeoutMs: 200 };
  const { score, failures } = await gradeMmVet(options({ answers: answersTo(1), judge }));
  assert.equal(asked.length, 6);
  assert.equal(score.scores.total, 50);
  assert.deepEqual(failures, []);
});

test('a rejected question does not affect the others', async () => {
  behaviour = ({ messages }, response) => {
    if (messages[0]!.content.includes('zero')) refuse(response, 400, 'content filter');
    else grade(response, '0.5');
  };
  const { questions, failures } = await gradeMmVet(options());
  assert.deepEqual(
    questions.map(({ grades }) => grades),
    [[null], [0.5]],
  );
  assert.match(failures[0]!.reason, /400 .*content filter/);
});

test('a server that never answers is a failure after the last retry', { timeout: 60_000 }, async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  behaviour = ({ messages }, response) => {
    if (!messages[0]!.content.includes('zero')) grade(response, '0.5');
    else setTimeout(collectGarbage, 20); // which must not collect the timeout
  };
  const judge = { baseUrl, model: 'gpt-4', backoffMs: 1, timeoutMs: 100, retries: 1 };
  const { failures } = await gradeMmVet(options({ judge }));
  assert.equal(asked.length, 3);
  assert.match(failures[0]!.reason, /no answer within 0\.1 s/);
});

const REFUSALS: readonly { what: string; status: number; message: string; headers?: Record<string, string> }[] = [
  { what: 'a wrong key', status: 401, message: 'Incorrect API key' },
  { what: 'an unknown model', status: 404, message: 'model not found' },
  { what: 'an account without credit', status: 429, message: 'insufficient_quota' },
  { what: 'a Retry-After of an hour', status: 429, message: 'later', headers: { 'retry-after': '3600' } },
];
for (const { what, status, message, headers } of REFUSALS) {
  test(`${what} stops the grading immediately`, async () => {
    behaviour = (_asked, response) => refuse(response, status, message, headers);
    await assert.rejects(gradeMmVet(options({ answers: answersTo(12), concurrency: 2 })), {
      name: 'UserError',
      message: new RegExp(`can no longer be used: POST .*${status} .*${message}`),
    });
    assert.ok(asked.length <= 2);
  });
}

test('ten failures in a row stop the grading; earlier grades are kept', async () => {
  behaviour = ({ messages }, response) => {
    if (messages[0]!.content.includes('Question 0')) grade(response, '1.0');
    else refuse(response, 400, 'the prompt is too long');
  };
  const graded = options({ answers: answersTo(12), concurrency: 1 });
  await assert.rejects(gradeMmVet(graded), {
    name: 'UserError',
    message: /failed 10 times in a row.*too long/s,
  });
  assert.equal(asked.length, 11);
  behaviour = (_asked, response) => grade(response, '0.0');
  const { questions } = await gradeMmVet(graded);
  assert.equal(asked.length, 11 + 11);
  assert.deepEqual(questions[0]!.grades, [1]);
});

test('a judge that wants max_completion_tokens and its own temperature gets them, and the user hears of every retry', async () => {
  behaviour = (body, response, count) => {
    if ('max_tokens' in body)
      refuse(response, 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.");
    else if ('temperature' in body) refuse(response, 400, "Unsupported value: 'temperature' does not support 0.");
    else if (count === 3) refuse(response, 503, 'starting');
    else grade(response, '0.5');
  };
  const notices: string[] = [];
  const onNotice = (message: string): void => void notices.push(message);
  const { score } = await gradeMmVet(options({ answers: answersTo(3), concurrency: 1, onNotice }));
  assert.equal(score.scores.total, 50);
  assert.equal(asked.length, 3 + 3, 'the refusals teach once');
  assert.equal((asked.at(-1) as { max_completion_tokens?: number }).max_completion_tokens, 3);
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /503 .*starting.*Next try in 0\.0 s \(failure 1 in a row\)/);
});

test('a judge that is not there ends the grading with a word per try', async () => {
  const notices: string[] = [];
  const judge = { baseUrl: 'http://127.0.0.1:9/v1', model: 'gpt-4', backoffMs: 1, retries: 2 };
  const onNotice = (message: string): void => void notices.push(message);
  await assert.rejects(gradeMmVet(options({ answers: answersTo(12), judge, onNotice })), {
    name: 'UserError',
    message: /can no longer be used: .*127\.0\.0\.1:9 refused the connection/,
  });
  assert.equal(notices.length, 2);
});

test('a cancelled grading keeps its grades; an incomplete cache line is requested again', async () => {
  const cancel = new AbortController();
  behaviour = (_asked, response, count) => {
    if (count < 3) grade(response, '0.5');
    else cancel.abort(new Error('cancelled')); // without answering
  };
  const graded = options({ answers: answersTo(12), concurrency: 1, signal: cancel.signal });
  await assert.rejects(gradeMmVet(graded), { message: 'cancelled' });
  assert.equal((await readFile(CACHE, 'utf8')).split('\n').length, 3);
  await appendFile(CACHE, '{"key":"ab');
  behaviour = (_asked, response) => grade(response, '0.5');
  const { score } = await gradeMmVet({ ...graded, signal: undefined });
  assert.equal(asked.length, 3 + 10);
  assert.equal(score.scores.total, 50);
});

test('throwing in onEstimate prevents all requests', async () => {
  behaviour = (_asked, response) => grade(response, '0.5');
  const onEstimate = () => {
    throw new Error('too dear');
  };
  await assert.rejects(gradeMmVet(options({ onEstimate })), { message: 'too dear' });
  assert.equal(asked.length, 0);
});

test('invalid options give errors before the first request', async () => {
  const judge = { baseUrl, model: 'gpt-4' };
  delete process.env['LLAVAHR_NO_KEY'];
  await assert.rejects(gradeMmVet(options({ judge: { ...judge, apiKeyEnv: 'LLAVAHR_NO_KEY' } })), {
    name: 'UserError',
    message: /LLAVAHR_NO_KEY is not set or empty/,
  });
  await assert.rejects(gradeMmVet(options({ judge: { ...judge, baseUrl: 'localhost:80' } })), { exitCode: 2 });
  await assert.rejects(gradeMmVet(options({ runs: 0 })), { exitCode: 2 });
  await assert.rejects(gradeMmVet(options({ answers: new Map([['v1_99', 'x']]) })), { message: /question "v1_99"/ });
  assert.equal(asked.length, 0);
});

test('an error is thrown when there are no grades at all', async () => {
  behaviour = (_asked, response) => refuse(response, 400, 'no');
  await assert.rejects(gradeMmVet(options()), { name: 'UserError', message: /returned no grades: .*400/ });
});
