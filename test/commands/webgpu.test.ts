import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { llavahr, readLines, resultFolder, start, testFolder } from './cli.js';

/** Debian's chromium package brings a software Vulkan driver. */
const SOFTWARE_DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const driver: Record<string, string> = existsSync(SOFTWARE_DRIVER)
  ? { VK_ICD_FILENAMES: SOFTWARE_DRIVER, LD_LIBRARY_PATH: '/usr/lib/chromium', XDG_RUNTIME_DIR: '/tmp' }
  : {};

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

test('--device webgpu gives the answers of the CPU', async (t) => {
  const args = ['eval', 'textvqa', '--limit', '2', '--resolution', '128'];
  const webgpu = join(folder, 'webgpu');
  const { code, stderr } = await start(folder, [...args, '--device', 'webgpu', '--output', webgpu], driver).result;
  if (/no usable adapter/.test(stderr)) return t.skip('no WebGPU adapter');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Checking webgpu against the CPU/);
  const cpu = join(folder, 'cpu');
  assert.equal((await llavahr(folder, ...args, '--output', cpu)).code, 0);
  const answers = async (output: string) => readLines(await resultFolder(output)).map(({ text }) => text);
  assert.deepEqual(await answers(webgpu), await answers(cpu));
});

test('without a driver --device webgpu says what is missing', async () => {
  const args = ['eval', 'textvqa', '--device', 'webgpu', '--output', join(folder, 'none')];
  const { code, stderr } = await start(folder, args, {
    VK_ICD_FILENAMES: '/nonexistent',
    VK_DRIVER_FILES: '/nonexistent',
  }).result;
  assert.equal(code, 1);
  assert.match(stderr, /--device webgpu: no usable adapter.*needs a Vulkan driver/);
});
