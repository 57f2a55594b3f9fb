import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { downloadModelsCommand } from '../../src/commands/download.js';
import { COMMIT, hubRoutes, startHub } from '../fetch/hub-server.js';
import { publishedJson } from './json-schemas.js';
import { printed } from './print.js';

const options = { update: false, verify: false, dryRun: true, offline: false, source: 'official' } as const;

test('a dry run lists the files of a model and of its CLIP tower, and downloads nothing', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'llavahr-plan-'));
  process.env['LLAVAHR_CACHE'] = process.env['HF_HUB_CACHE'] = join(cache, 'none');
  const bytes = (count: number): Uint8Array => new Uint8Array(count);
  const files = { 'config.json': bytes(10), 'model.safetensors': bytes(2_000_000), 'optimizer.pt': bytes(5) };
  const hub = await startHub({
    ...hubRoutes({ type: 'model', name: 'liuhaotian/llava-v1.5-7b', files }),
    ...hubRoutes({ type: 'model', name: 'openai/clip-vit-large-patch14-336', files }),
  });
  try {
    const text = await printed(() => downloadModelsCommand('llava-1.5-7b', [], { ...options, json: false }));
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^llava-1\.5-7b +model\.safetensors +2\.0 MB +\[2\]$/m);
    assert.match(text.stdout, new RegExp(`^\\[1\\] liuhaotian/llava-v1\\.5-7b at ${COMMIT}$`, 'm'));
    assert.match(text.stdout, /^Total:\n {2}llava-1\.5-7b: 4\.0 MB$/m);
    assert.match(text.stdout, /^ {2}llava-1\.5-7b: Llama 2 Community License$/m);
    const json = await printed(() => downloadModelsCommand('llava-1.5-7b', [], { ...options, json: true }));
    const [plan] = publishedJson('download', json.stdout).models;
    assert.deepEqual(
      plan.items.map(({ what }: { what: string }) => what),
      ['config.json', 'model.safetensors', 'config.json', 'model.safetensors'],
    );
    assert.equal(plan.total.bytes, 4_000_020);
    assert.equal(existsSync(join(cache, 'none')), false);
    assert.ok(hub.requests.every(({ path }) => !path.includes('/resolve/')));
  } finally {
    await hub.close();
    await rm(cache, { recursive: true });
  }
});
