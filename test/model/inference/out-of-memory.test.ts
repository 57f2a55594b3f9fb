import assert from 'node:assert/strict';
import test from 'node:test';
import { isOutOfMemory } from '../../../src/model/inference/out-of-memory.js';

/** Reported by users of ONNX Runtime, or seen under `ulimit -v`. */
const OUT_OF_MEMORY = [
  'Non-zero status code returned while running FusedMatMul node. Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:331 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 8388608000',
  'onnxruntime::BFCArena::AllocateRawInternal Available memory of 1234 is smaller than requested bytes of 5678',
  'BFC Arena ran out of memory trying to allocate 4096. Current allocation summary follows.',
  'std::bad_alloc',
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=node1 ; expr=cudaMalloc((void**)&p, size);',
  'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cublasCreate(&cublas_handle_)',
  'CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED',
  'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY',
  'Array buffer allocation failed',
];

const OTHER = [
  'Non-zero status code returned while running Gather node. Status Message: indices element out of data bounds',
  'CUDA failure 700: an illegal memory access was encountered ; GPU=0',
  'CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED',
  'the model is not loaded',
];

test('recognises out of memory messages', () => {
  for (const message of OUT_OF_MEMORY) assert.equal(isOutOfMemory(message), true, message);
  for (const message of OTHER) assert.equal(isOutOfMemory(message), false, message);
});
