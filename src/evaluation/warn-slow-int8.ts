import type { Model } from '../model/model-folder.js';
import { say } from '../shared/log.js';

/** Says on stderr when int8 weights are stored for another kind of processor than this one; see `fastLevelType`. */
export async function adviseOnLevels({ folder, manifest: { precision, levelType = 'int8' } }: Model): Promise<void> {
  if (precision !== 'int8') return;
  const { fastLevelType } = await import('../model/export/fast-level-type.js'); // loads ONNX Runtime
  if (levelType === (await fastLevelType())) return;
  const effect =
    levelType === 'int8'
      ? 'it loads slowly here and takes the memory of its weights twice'
      : 'it is slower here than it could be';
  say('warn', `${folder} was exported for another kind of processor: ${effect}. Delete it and export it here.`);
}
