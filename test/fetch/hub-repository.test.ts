import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { readRepository } from '../../src/fetch/hub-repository.js';
import { type FileServer, type Route, startFileServer } from './file-server.js';
import { COMMIT, hubRoutes, startHub } from './hub-server.js';

const TREE = `/api/models/some/model/tree/${COMMIT}`;
let requests: Requests;
let routes: Record<string, Route>;
let server: FileServer;

before(() => {
  requests = openRequests({ retry: { retries: 0, minTimeoutMs: 1 } });
});
after(() => requests.close());
beforeEach(async () => {
  await server?.close();
  routes = hubRoutes({ type: 'model', name: 'some/model', files: { 'config.json': Buffer.from('{}') } });
  server = await startHub(routes);
});
after(() => server.close());

const read = () => readRepository(requests, { type: 'model', name: 'some/model' }, 'main');
const tree = (text: string, headers: Record<string, string> = {}): void => {
  routes[TREE]!.behave = () => ({ status: 200, text, headers: { 'content-type': 'application/json', ...headers } });
};

test('invalid responses are errors that name the hub', async () => {
  const ANSWERS: [string, RegExp][] = [
    ['[{"type"', /invalid response from http:/],
    ['[null]', /invalid response/],
    ['null', /invalid response/],
    ['[{"type":"file","path":{},"size":1}]', /returned an invalid file listing of some\/model: path must be string/],
    ['[{"type":"file","path":"config.json","size":-1}]', /size must be >= 0/],
    ['[{"type":"file","path":"config.json","size":1,"oid":"../x"}]', /returned no hash for some\/model\/config\.json/],
    [`["${'x'.repeat(20_000_000)}"]`, /sent more than 16777216 bytes/],
  ];
  for (const [text, message] of ANSWERS) {
    tree(text);
    await assert.rejects(read(), { name: 'UserError', message });
  }
});

test('a token that is refused is named with its origin and never repeated', async (t) => {
  process.env['HF_TOKEN'] = 'hf_some-secret-token';
  t.after(() => delete process.env['HF_TOKEN']);
  routes['/api/models/some/model/revision/main'] = { body: Buffer.of(), behave: () => ({ status: 401 }) };
  await assert.rejects(read(), {
    name: 'UserError',
    message:
      /some\/model answered 401: the access token of HF_TOKEN was refused\. Create another at .*\/settings\/tokens/,
  });
  const headers = { 'content-type': 'application/json', 'x-request-id': 'a' };
  const text = JSON.stringify({ error: 'no access with hf_some-secret-token' });
  routes['/api/models/some/model/revision/main'] = {
    body: Buffer.of(),
    behave: () => ({ status: 418, text, headers }),
  };
  await assert.rejects(read(), { message: /answered 418: .*no access with \[hidden\]/ });
});

test('an address that is none is named by its variable', async (t) => {
  const address = process.env['HF_ENDPOINT'];
  t.after(() => {
    process.env['HF_ENDPOINT'] = address;
    delete process.env['http_proxy'];
  });
  process.env['HF_ENDPOINT'] = 'hf-mirror.com';
  await assert.rejects(read(), {
    name: 'UserError',
    message: 'HF_ENDPOINT is "hf-mirror.com"; it must be a URL that begins with https://.',
  });
  process.env['HF_ENDPOINT'] = address;
  process.env['http_proxy'] = 'socks5h://user:password@127.0.0.1:1080';
  await assert.rejects(read(), {
    name: 'UserError',
    message:
      'http_proxy is socks5h://[hidden]@127.0.0.1:1080: SOCKS proxies are not supported. Set it to an http:// proxy, or unset it.',
  });
});

test('a redirect to an invalid address is an error, not tried again', async () => {
  routes['/api/models/some/model/revision/main'] = {
    body: Buffer.of(),
    behave: () => ({ status: 302, headers: { location: 'http://[' } }),
  };
  await assert.rejects(read(), { name: 'UserError', message: /redirects to an address that is no URL/ });
  await assert.rejects(requests.get(`${server.url}/api/models/some/model/revision/main`), {
    name: 'UserError',
    message: /redirects to "http:\/\/\[", which is not a valid URL/,
  });
});

test('the token is not sent to another server, and the number of pages is limited', async () => {
  process.env['HF_TOKEN'] = 'hf_secret';
  const other = await startFileServer({ '/next': { body: Buffer.from('[]') } });
  tree('[]', { link: `<${other.url}/next>; rel="next"` });
  await assert.rejects(read(), { name: 'UserError', message: /refers to another server: .*\/next/ });
  assert.deepEqual(other.requests, []);
  await other.close();
  delete process.env['HF_TOKEN'];

  tree('[]', { link: `<${server.url}${TREE}>; rel="next"` });
  await assert.rejects(read(), { name: 'UserError', message: /more than 200 pages/ });
});

test('an unreachable hub is said in a plain sentence first', async () => {
  await server.close();
  await assert.rejects(read(), {
    name: 'UserError',
    message:
      /^The Hugging Face hub cannot be reached at 127\.0\.0\.1:\d+\. Check .*HTTPS_PROXY.* Reason: .*refused the connection/,
  });
});

test('a commit is found by its first digits, which the hub itself need not know', async () => {
  const digits = (revision: string) => readRepository(requests, { type: 'model', name: 'some/model' }, revision);
  assert.equal((await digits(COMMIT.slice(0, 7))).commit, COMMIT);
  await assert.rejects(digits('abcdef0'), { message: /does not exist or has no revision "abcdef0"/ });
  await assert.rejects(digits('gone'), { message: /has no revision "gone"/ });
});
