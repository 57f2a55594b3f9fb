/*
 * Unless this variable is set when its library is loaded, ONNX Runtime resolves a Microsoft host, writes a device id and a
 * database to the home folder, and writes logs to the temporary folder. The main thread has to set it: a worker thread's
 * process.env is a copy that native code does not see. Forked processes inherit it.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
