/*
 * ONNX Runtime looks up a host of Microsoft's, writes a device id and a database below the home folder and logs into the
 * temporary one, unless this variable is set when its library is loaded. It has to be set by the main thread: a worker
 * thread's process.env is a copy, which native code does not see. Processes that are forked inherit it.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
