import type { Model } from '../model/model-folder.js';
import { say } from '../shared/log.js';

/** Says on stderr when int8 weights are stored for another kind of processor than this one; see `fastInt8Storage`. */
export async function warnSlowInt8({ folder, manifest: { precision, int8Storage = 'int8' } }: Model): Promise<void> {
  if (precision !== 'int8') return;
  const { fastInt8Storage } = await import('../model/export/fast-int8-storage.js'); // loads ONNX Runtime
  if (int8Storage === (await fastInt8Storage())) return;
  const effect =
    int8Storage === 'int8'
      ? 'it loads slowly here and takes the memory of its weights twice'
      : 'it is slower here than it could be';
  say('warn', `${folder} was exported for another kind of processor: ${effect}. Delete it and export it here.`);
}
