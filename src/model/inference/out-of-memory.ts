/**
 * What is said when memory is short: ONNX Runtime's arena (CPU and CUDA), C++'s allocator, CUDA and its libraries, WebGPU
 * and Vulkan, V8 for the buffers of inputs and outputs.
 */
const SAID = [
  /Failed to allocate memory for requested buffer/,
  /Available memory of \d+ is smaller than requested bytes/,
  /ran out of memory trying to allocate/,
  /bad_alloc/,
  /\bout of memory\b/i,
  /ALLOC_FAILED/,
  /OUT_OF_(?:DEVICE|HOST)_MEMORY/,
  /Array buffer allocation failed/,
];

/** Whether the message of a failed run says that memory was short, so that a smaller batch may succeed. */
export function isOutOfMemory(message: string): boolean {
  return SAID.some((pattern) => pattern.test(message));
}
