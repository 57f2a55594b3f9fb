import { messageOf } from '../../shared/errors.js';

/*
 * Tries the device named on the command line and sends the parent what is wrong with it, or null. A separate process,
 * because a broken driver can crash ONNX Runtime.
 */

const problem = await import('./matrix-trial.js').then(
  ({ matrixTrial }) => matrixTrial(process.argv[2]!),
  (error) => `ONNX Runtime cannot be loaded: ${messageOf(error)}`,
);
process.send!(problem, () => process.exit());
