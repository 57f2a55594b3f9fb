import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { deviceName, parseDevices } from '../../../src/model/inference/device.js';
import { checkDevices } from '../../../src/model/inference/device-trial.js';
import { readNativeMessages } from '../../../src/model/inference/native-messages.js';

test('--devices lists one device per worker; cpu:N expands to N of them', () => {
  assert.deepEqual(parseDevices('cuda:0,cuda:1').map(deviceName), ['cuda', 'cuda:1']);
  assert.deepEqual(parseDevices('cpu:2').map(deviceName), ['cpu', 'cpu']);
  assert.deepEqual(parseDevices('webgpu').map(deviceName), ['webgpu']);
});

test('invalid --devices values are rejected', () => {
  for (const [devices, message] of [
    ['cpu:0', /--devices cpu:0 starts no worker/],
    ['cpu:999999999', /starts too many workers: N in cpu:N must be at most 1024/],
    ['cpu:2,webgpu', /must all be of one kind/],
    ['cuda:0,tpu', /must be auto, cpu/],
    ['', /must be auto, cpu/],
  ] as const) {
    assert.throws(() => parseDevices(devices), { exitCode: 2, message });
  }
});

test('more CPU workers than cores are a warning', async (t) => {
  const error = t.mock.method(console, 'error', () => {});
  const cores = availableParallelism();
  await checkDevices(parseDevices(`cpu:${cores}`));
  assert.equal(error.mock.callCount(), 0);
  await checkDevices(parseDevices(`cpu:${cores + 1}`));
  assert.match(String(error.mock.calls[0]!.arguments[0]), new RegExp(`${cores + 1} CPU workers on ${cores} cores`));
});

test('a device that does not exist is refused with what is missing', async () => {
  await assert.rejects(checkDevices(parseDevices('cuda:63')), { exitCode: 1, message: /^--device cuda:63/ });
});

test("native messages are not printed; a crash is explained by the last of them, without the terminal's codes", async (t) => {
  const error = t.mock.method(console, 'error', () => {});
  const stream = new PassThrough();
  const last = readNativeMessages(stream);
  stream.write('one\n\x1b[0;93m2026-01-01 [W:onnxruntime:Default] two\x1b[m\n\nterminate called after ');
  stream.end('throwing\n  what():  std::bad_alloc');
  await new Promise((resolve) => stream.on('close', resolve));
  assert.equal(
    last(),
    '2026-01-01 [W:onnxruntime:Default] two; terminate called after throwing; what():  std::bad_alloc',
  );
  assert.equal(error.mock.callCount(), 0);
});
