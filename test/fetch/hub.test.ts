import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { downloadCheckpoint } from '../../src/fetch/hub.js';
import { PACKAGE_ROOT } from '../../src/package-root.js';
import { type FileServer, type Route, startFileServer } from './file-server.js';

const CHECKPOINT = join(PACKAGE_ROOT, 'sample', 'models', 'llava-1.5-tiny');
const COMMIT = 'c'.repeat(40);
const NAMES = ['config.json', 'tokenizer.model', 'model.safetensors'];

let requests: Requests;
let server: FileServer;
let routes: Record<string, Route>;
const options = { log: () => {} };

before(() => {
  requests = openRequests({ retry: { retries: 1, minTimeoutMs: 1 } });
});
after(() => requests.close());

/** A hub with one model, whose weights are a large file, and an empty cache. */
beforeEach(async () => {
  const tree: object[] = [{ type: 'directory', path: 'runs', size: 0, oid: 'd'.repeat(40) }];
  const files = [...NAMES, 'training_args.bin', 'optimizer.pt'];
  routes = {};
  for (const path of files) {
    const body = NAMES.includes(path) ? await readFile(join(CHECKPOINT, path)) : Buffer.from(path);
    const oid = createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex');
    const sha256 = createHash('sha256').update(body).digest('hex');
    const lfs = path.endsWith('.safetensors') ? { lfs: { oid: sha256, size: body.length, pointerSize: 135 } } : {};
    tree.push({ type: 'file', path, size: body.length, oid, ...lfs });
    routes[`/some/model/resolve/${COMMIT}/${path}`] = { body, etag: `"${oid}"` };
  }
  const json = (value: object): Route => ({
    body: Buffer.from(JSON.stringify(value)),
    contentType: 'application/json',
  });
  const info = { _id: '1', id: 'some/model', sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0 };
  routes['/api/models/some/model/revision/main'] = json(info);
  routes['/api/models/some/model/tree/main'] = json(tree);
  server = await startFileServer(routes);
  process.env['HF_ENDPOINT'] = server.url;
  process.env['HF_HUB_CACHE'] = await mkdtemp(join(tmpdir(), 'hub-'));
});

test('a checkpoint comes into the cache in the layout of huggingface_hub, without what is not needed', async () => {
  const folder = await downloadCheckpoint(requests, 'some/model', 'main', options);
  const cache = join(process.env['HF_HUB_CACHE']!, 'models--some--model');
  assert.equal(folder, join(cache, 'snapshots', COMMIT));
  assert.deepEqual((await readdir(folder)).sort(), [...NAMES].sort());
  for (const name of NAMES)
    assert.deepEqual(await readFile(join(folder, name)), await readFile(join(CHECKPOINT, name)));
  assert.ok((await lstat(join(folder, 'config.json'))).isSymbolicLink());
  assert.match(await readlink(join(folder, 'config.json')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
  assert.match(await readlink(join(folder, 'model.safetensors')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
  assert.equal(await readFile(join(cache, 'refs', 'main'), 'utf8'), COMMIT);

  const downloads = () => server.requests.filter(({ path }) => path.includes('/resolve/')).length;
  const count = downloads();
  await downloadCheckpoint(requests, 'some/model', 'main', options);
  assert.equal(downloads(), count, 'what is there is not fetched again');
  const offline = openRequests({ offline: true });
  assert.equal(await downloadCheckpoint(offline, 'some/model', 'main', options), folder);
  await offline.close();
  await server.close();
});

test('a damaged file is refused by the hash that the hub gives', async () => {
  routes[`/some/model/resolve/${COMMIT}/model.safetensors`]!.behave = () => ({ status: 200, text: 'x' });
  await assert.rejects(downloadCheckpoint(requests, 'some/model', 'main', options), {
    name: 'UserError',
    message: /model\.safetensors is not the file that is expected: it has 1 bytes, not 6222064/,
  });
  await server.close();
});

test('a gated repository is explained, and the token is sent', async () => {
  process.env['HF_TOKEN'] = 'hf_secret';
  routes['/api/models/some/model/revision/main']!.behave = () => ({
    status: 403,
    text: '{"error":"gated"}',
  });
  await assert.rejects(downloadCheckpoint(requests, 'some/model', 'main', options), {
    name: 'UserError',
    message: `${server.url}/some/model is gated, private or not there (403). Accept its terms on that page, make a token at ${server.url}/settings/tokens and set HF_TOKEN.`,
  });
  delete process.env['HF_TOKEN'];
  assert.equal(server.requests[0]?.authorization, 'Bearer hf_secret');
  await server.close();
});

test('an unknown repository, and one that is not in the cache offline, are errors that say so', async () => {
  await assert.rejects(downloadCheckpoint(requests, 'other/model', 'main', options), {
    message: `${server.url}/other/model has no revision "main", or is not there.`,
  });
  const offline = openRequests({ offline: true });
  await assert.rejects(downloadCheckpoint(offline, 'some/model', 'main', options), {
    message: /--offline forbids network access, and some\/model \(main\) is not in .*models--some--model/,
  });
  await offline.close();
  await server.close();
});
