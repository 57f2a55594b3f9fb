import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { freeGpuBytes, processGpuBytes } from '../../../src/model/inference/gpu-memory.js';

/** Puts a program called nvidia-smi first on the path that prints `script`'s output. */
async function withNvidiaSmi(script: string, check: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'llavahr-smi-'));
  const path = process.env['PATH'];
  writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  process.env['PATH'] = `${folder}${delimiter}${path}`;
  try {
    await check();
  } finally {
    process.env['PATH'] = path;
  }
}

test('GPU memory is read from nvidia-smi in MiB', async () => {
  const script = `case "$*" in
    "--query-gpu=memory.free --id=1 --format=csv,noheader,nounits") echo 79000 ;;
    "--query-compute-apps=pid,used_memory --format=csv,noheader,nounits") printf '7, 100\\n8, 5\\n7, 24\\n9, [N/A]\\n' ;;
  esac`;
  await withNvidiaSmi(script, async () => {
    assert.equal(await freeGpuBytes(1), 79000 * 2 ** 20);
    assert.equal(await freeGpuBytes(2), null);
    assert.equal(await processGpuBytes(7), 124 * 2 ** 20);
    assert.equal(await processGpuBytes(9), null);
    assert.equal(await processGpuBytes(10), null);
  });
});

test('a failing nvidia-smi reports nothing', async () => {
  await withNvidiaSmi('echo "Failed to initialize NVML" >&2; exit 9', async () => {
    assert.equal(await freeGpuBytes(0), null);
    assert.equal(await processGpuBytes(process.pid), null);
  });
});
