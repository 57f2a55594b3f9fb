/**
 * Out of memory messages of ONNX Runtime's arena (CPU and CUDA), the C++ allocator, CUDA and its libraries, WebGPU and
 * Vulkan, and V8 (buffers of inputs and outputs).
 */
const OUT_OF_MEMORY_MESSAGES = [
  /Failed to allocate memory for requested buffer/,
  /Available memory of \d+ is smaller than requested bytes/,
  /ran out of memory trying to allocate/,
  /bad_alloc/,
  /\bout of memory\b/i,
  /ALLOC_FAILED/,
  /OUT_OF_(?:DEVICE|HOST)_MEMORY/,
  /Array buffer allocation failed/,
];

/** Whether a run failed because it was out of memory, so that a smaller batch may succeed. */
export function isOutOfMemory(message: string): boolean {
  return OUT_OF_MEMORY_MESSAGES.some((pattern) => pattern.test(message));
}
