import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { describeHost, describeSoftware } from '../../../src/results/runs/host.js';
import { peakMemoryBytes } from '../../../src/shared/peak-memory.js';
import { projectRoot } from '../../fixtures.js';

test('versions are the installed ones', () => {
  const installed = (name: string) =>
    (JSON.parse(readFileSync(join(projectRoot, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
      .version;
  assert.deepEqual(describeSoftware('1.2.3'), {
    llavahr: '1.2.3',
    node: process.version.slice(1),
    onnxruntime: installed('onnxruntime-node'),
    sharp: installed('sharp'),
  });
});

test('the machine has cores and a plausible memory', () => {
  const host = describeHost();
  assert.ok(host.cores >= 1);
  assert.ok(host.memoryBytes > 2 ** 27 && Number.isFinite(host.memoryBytes));
});

test('peak memory is in bytes and never falls', () => {
  const before = peakMemoryBytes();
  assert.ok(before >= process.memoryUsage.rss() * 0.9, `${before} of ${process.memoryUsage.rss()}`);
  const block = Buffer.alloc(200e6, 1);
  assert.ok(peakMemoryBytes() > before + block.length / 2);
});
