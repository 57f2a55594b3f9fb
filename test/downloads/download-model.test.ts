import assert from 'node:assert/strict';
import { appendFile, lstat, mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { ModelEntry } from '../../src/datasets/catalogue-schema.js';
import { recordedCheckpoints } from '../../src/downloads/checkpoint-record.js';
import { downloadModel } from '../../src/downloads/download-model.js';
import type { Upstream } from '../../src/downloads/upstream-changes.js';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';
import type { FileServer, Route } from '../fetch/file-server.js';
import { COMMIT, hubRoutes, startHub } from '../fetch/hub-server.js';

const CHECKPOINT = join(PACKAGE_ROOT, 'sample', 'models', 'llava-1.5-tiny');
const NAMES = ['config.json', 'tokenizer.model', 'model.safetensors'];
const NEWER = 'e'.repeat(40);
const ENTRY: ModelEntry = {
  name: 'some',
  repo: 'some/model',
  revision: null,
  licence: '',
  confidence: 'computed',
  evidence: '',
};

let requests: Requests;
let files: Record<string, Uint8Array>;
let server: FileServer;
let routes: Record<string, Route>;
let cache: string;
let log: string[];

before(async () => {
  requests = openRequests({ retry: { retries: 1, minTimeoutMs: 1 } });
  files = Object.fromEntries(
    await Promise.all(NAMES.map(async (name) => [name, await readFile(join(CHECKPOINT, name))] as const)),
  );
});
after(() => requests.close());

/** A hub with one model, whose weights are a large file, and an empty cache. */
beforeEach(async () => {
  const others = { 'training_args.bin': Buffer.from('x'), 'optimizer.pt': Buffer.from('x') };
  routes = hubRoutes({ type: 'model', name: 'some/model', files: { ...files, ...others } });
  server = await startHub(routes);
  process.env['HF_HUB_CACHE'] = await mkdtemp(join(tmpdir(), 'hub-'));
  process.env['LLAVAHR_CACHE'] = await mkdtemp(join(tmpdir(), 'cache-'));
  cache = join(process.env['HF_HUB_CACHE'], 'models--some--model');
  log = [];
});

const download = async (upstream: Upstream = 'ignore', through = requests, verify = false): Promise<string> => {
  const progress = { begin: () => ({ update() {}, end() {} }), log: (line: string) => void log.push(line), stop() {} };
  return (await downloadModel(ENTRY, through, { progress, upstream, verify })).folder;
};

test('a checkpoint is cached in the layout of huggingface_hub, without unneeded files', async () => {
  const folder = await download();
  assert.equal(folder, join(cache, 'snapshots', COMMIT));
  assert.deepEqual((await readdir(folder)).sort(), [...NAMES].sort());
  for (const name of NAMES) assert.deepEqual(await readFile(join(folder, name)), files[name]);
  assert.ok((await lstat(join(folder, 'config.json'))).isSymbolicLink());
  assert.match(await readlink(join(folder, 'config.json')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
  assert.match(await readlink(join(folder, 'model.safetensors')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
  assert.equal(await readFile(join(cache, 'refs', 'main'), 'utf8'), COMMIT);

  const count = server.requests.length;
  assert.equal(await download(), folder);
  assert.equal(server.requests.length, count, 'a whole checkpoint needs no network');
  const offline = openRequests({ offline: true });
  assert.equal(await download('ignore', offline), folder);
  await rm(join(process.env['LLAVAHR_CACHE']!, 'checkpoints.json'));
  assert.equal(await download('ignore', offline), folder, 'what another program downloaded is found');
  await offline.close();
  await truncate(join(folder, 'tokenizer.model'), 10);
  await rm(join(cache, 'blobs'), { recursive: true });
  await download();
  assert.deepEqual(await readFile(join(folder, 'model.safetensors')), files['model.safetensors']);
  await server.close();
});

test('a repository without a tokenizer is refused before its weights are fetched', async () => {
  const { 'tokenizer.model': _, ...others } = files;
  await server.close();
  server = await startHub(hubRoutes({ type: 'model', name: 'some/model', files: others }));
  await assert.rejects(download(), /some\/model has neither tokenizer\.model nor tokenizer\.json/);
  assert.ok(server.requests.every(({ path }) => path.startsWith('/api/')));
  await server.close();
});

test('three downloads at once wait for each other and fetch every file once', async () => {
  const folders = await Promise.all([download(), download(), download()]);
  assert.equal(new Set(folders).size, 1);
  for (const name of NAMES) assert.deepEqual(await readFile(join(folders[0]!, name)), files[name]);
  const fetched = server.requests.filter(({ path }) => path.endsWith('/model.safetensors'));
  assert.equal(fetched.length, 1);
  assert.match(log.join('\n'), /in use by another run .* Waiting for it to end/);
  await server.close();
});

test('a blob of another size is fetched again, one of another content with verify', async () => {
  const folder = await download();
  const weights = join(folder, 'model.safetensors');
  await appendFile(weights, 'x');
  await download();
  assert.deepEqual(await readFile(weights), files['model.safetensors'], 'too long');
  const damaged = Buffer.from(files['model.safetensors']!);
  damaged[damaged.length - 1]! ^= 1;
  await writeFile(weights, damaged);
  await download();
  assert.deepEqual(await readFile(weights), damaged, 'of the same size: not looked at');
  await download('ignore', requests, true);
  assert.deepEqual(await readFile(weights), files['model.safetensors']);
  await server.close();
});

test('a newer commit is told with what it changed, and taken when it is asked for', async () => {
  const folder = await download();
  const changed = { ...files, 'config.json': Buffer.concat([files['config.json']!, Buffer.from('\n')]) };
  Object.assign(routes, hubRoutes({ type: 'model', name: 'some/model', files: changed }, NEWER));
  assert.equal(await download('ignore'), folder);
  log = [];
  assert.equal(await download('tell'), folder);
  assert.deepEqual(log, [
    `some/model has the newer commit ${NEWER}, which changed config.json. Keeping ${COMMIT}; --update downloads the newer one.`,
  ]);
  const newer = await download('take');
  assert.equal(newer, join(cache, 'snapshots', NEWER));
  assert.deepEqual(await readFile(join(newer, 'config.json')), changed['config.json']);
  assert.equal((await recordedCheckpoints())['some/model']?.commit, NEWER);
  assert.equal(await download('ignore'), newer);
  await server.close();
});

test("a damaged file is detected by the hub's hash", async () => {
  routes[`/some/model/resolve/${COMMIT}/model.safetensors`]!.behave = () => ({ status: 200, text: 'x' });
  await assert.rejects(download(), {
    name: 'UserError',
    message: /model\.safetensors is not the expected file: it has 1 bytes, not 6222064/,
  });
  await server.close();
});

test('the error for a gated repository explains what to do, and the token is sent', async () => {
  process.env['HF_TOKEN'] = 'hf_secret';
  routes['/api/models/some/model/revision/main']!.behave = () => ({ status: 403, text: '{"error":"gated"}' });
  await assert.rejects(download(), {
    name: 'UserError',
    message: `${server.url}/some/model is gated, private or does not exist (403). Accept its terms on that page, create a token at ${server.url}/settings/tokens and set HF_TOKEN.`,
  });
  delete process.env['HF_TOKEN'];
  assert.equal(server.requests[0]?.authorization, 'Bearer hf_secret');
  await server.close();
});

test('a busy hub is retried, then reported with its status', async () => {
  routes['/api/models/some/model/revision/main']!.behave = (request) => (request === 0 ? { status: 503 } : undefined);
  await download();
  await rm(process.env['LLAVAHR_CACHE']!, { recursive: true });
  routes['/api/models/some/model/revision/main']!.behave = () => ({ status: 503 });
  await assert.rejects(download(), { name: 'UserError', message: /revision\/main\S* answered 503\. Try again later/ });
  await server.close();
});

test('errors for an unknown repository, and for one missing from the cache offline', async () => {
  delete routes['/api/models/some/model/revision/main'];
  await assert.rejects(download(), { message: `${server.url}/some/model does not exist or has no revision "main".` });
  const offline = openRequests({ offline: true });
  await assert.rejects(download('ignore', offline), {
    message: '--offline forbids network access, and some/model (main) is not in the cache.',
  });
  await offline.close();
  await server.close();
});
