import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectJudge } from '../../src/benchmarks/shared/judge-client.js';
import { ChatError } from '../../src/chat/chat-client.js';
import { openRequests } from '../../src/fetch/http.js';
import { readRepository } from '../../src/fetch/hub-repository.js';
import { UserError } from '../../src/shared/errors.js';
import { mutateJson } from '../mutate-json.js';
import type { Random } from '../random.js';
import { mayRefuse } from '../refusal.js';
import type { FuzzTarget } from '../target.js';

const commit = 'c'.repeat(40);
const FILES = [
  { type: 'file', path: 'config.json', size: 4, oid: 'a'.repeat(40) },
  {
    type: 'file',
    path: 'model.bin',
    size: 4,
    oid: 'b'.repeat(40),
    lfs: { oid: 'd'.repeat(64), size: 4, pointerSize: 1 },
  },
  { type: 'directory', path: 'sub', size: 0, oid: 'e'.repeat(40) },
];
/** The servers' responses, by prefix of the request's path. */
const ANSWERS: Record<string, object> = {
  '/api/models/owner/model/revision/': { _id: '1', id: 'owner/model', modelId: 'owner/model', sha: commit },
  '/api/models/owner/model/tree/': FILES,
  '/chat/completions': {
    model: 'judge-1',
    choices: [{ message: { role: 'assistant', content: '0.5' } }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  },
};
const STATUSES = [200, 200, 200, 200, 200, 204, 301, 400, 401, 404, 429];
const LINKS = ['</api/models/owner/model/tree/x>; rel="next"', '<http://[>; rel="next"', '<//other/>; rel="next"', '<'];

/** The damaged response of the current case. */
let damaged: { path: string; body: Buffer; status: number; headers: Record<string, string> };

const server = createServer((request, response) => {
  const path = Object.keys(ANSWERS).find((start) => request.url?.startsWith(start));
  if (path === undefined) response.writeHead(404).end();
  else if (path === damaged.path) response.writeHead(damaged.status, damaged.headers).end(damaged.body);
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ANSWERS[path]));
}).listen(0, '127.0.0.1');
await once(server, 'listening');
server.unref();
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
process.env['HF_ENDPOINT'] = url;

/** Responses of the hub about a repository, and of a judge. */
export const target: FuzzTarget = {
  async run(_folder, random) {
    damaged = damage(random);
    const requests = openRequests({ retry: { retries: 0, minTimeoutMs: 0 } });
    await mayRefuse(() => readRepository(requests, { type: 'model', name: 'owner/model' }, 'main')).finally(
      requests.close,
    );
    await mayRefuse(async () => {
      const ask = connectJudge({ baseUrl: url, model: 'judge', retries: 0 }, { concurrency: 1 });
      const question = { text: 'Grade this.', maxTokens: 5, temperature: 0 };
      await ask(question, new AbortController().signal).catch((error: unknown) => {
        throw error instanceof ChatError ? new UserError(error.message) : error;
      });
    });
  },
};

function damage(random: Random): typeof damaged {
  const path = random.pick(Object.keys(ANSWERS));
  return {
    path,
    body: mutateJson(JSON.stringify(ANSWERS[path]), random),
    status: random.pick(STATUSES),
    headers: {
      'content-type': random.pick(['application/json', 'application/json', 'text/html', '']),
      ...(random.chance(0.2) ? { link: random.pick(LINKS) } : {}),
      ...(random.chance(0.1) ? { 'retry-after': random.pick(['0', '-1', 'never', '1e999']) } : {}),
    },
  };
}
