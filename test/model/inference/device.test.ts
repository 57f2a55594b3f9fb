import assert from 'node:assert/strict';
import test from 'node:test';
import { deviceName, parseDevices } from '../../../src/model/inference/device.js';

test('--devices lists one device per worker; cpu:N expands to N of them', () => {
  assert.deepEqual(parseDevices('cuda:0,cuda:1').map(deviceName), ['cuda', 'cuda:1']);
  assert.deepEqual(parseDevices('cpu:2').map(deviceName), ['cpu', 'cpu']);
  assert.deepEqual(parseDevices('webgpu').map(deviceName), ['webgpu']);
});

test('invalid --devices values are rejected', () => {
  for (const [devices, message] of [
    ['cpu:0', /--devices cpu:0 starts no worker/],
    ['cpu:2,webgpu', /must all be of one kind/],
    ['cuda:0,tpu', /must be auto, cpu/],
    ['', /must be auto, cpu/],
  ] as const) {
    assert.throws(() => parseDevices(devices), { exitCode: 2, message });
  }
});
