import assert from 'node:assert/strict';
import test from 'node:test';
import { deviceName, parseDevices } from '../../../src/model/inference/device.js';

test('a list of devices names each worker; cpu:N is N of them', () => {
  assert.deepEqual(parseDevices('cuda:0,cuda:1').map(deviceName), ['cuda', 'cuda:1']);
  assert.deepEqual(parseDevices('cpu:2').map(deviceName), ['cpu', 'cpu']);
  assert.deepEqual(parseDevices('webgpu').map(deviceName), ['webgpu']);
});

test('lists that make no sense are refused', () => {
  for (const [devices, message] of [
    ['cpu:0', /--devices cpu:0 names no worker/],
    ['cpu:2,webgpu', /devices of one kind/],
    ['cuda:0,tpu', /must be auto, cpu/],
    ['', /must be auto, cpu/],
  ] as const) {
    assert.throws(() => parseDevices(devices), { exitCode: 2, message });
  }
});
