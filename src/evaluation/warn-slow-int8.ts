import type { Model } from '../model/model-folder.js';
import { say } from '../shared/log.js';

/** Warns if int8 weights are stored in the format for another kind of processor; see `fastInt8Storage`. */
export async function warnSlowInt8({ folder, manifest: { precision, int8Storage = 'int8' } }: Model): Promise<void> {
  if (precision !== 'int8') return;
  const { fastInt8Storage } = await import('../model/export/fast-int8-storage.js'); // loads ONNX Runtime
  if (int8Storage === (await fastInt8Storage())) return;
  const effect =
    int8Storage === 'int8'
      ? 'here it loads slowly and needs twice the memory for its weights'
      : 'here it is slower than necessary';
  say(
    'warn',
    `${folder} was exported for another kind of processor: ${effect}. Delete the folder and export the model again on this machine.`,
  );
}
