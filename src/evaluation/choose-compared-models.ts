import type { DownloadsOnDemand } from '../downloads/downloads-on-demand.js';
import type { Model } from '../model/model-folder.js';
import type { Precision } from '../model/precision.js';
import { RELEASED_ARCHITECTURES, RELEASED_MODELS, type ReleasedModel } from '../model/released-architectures.js';
import { usageError } from '../shared/errors.js';
import { sizesBeside } from './ablation-plan.js';
import { chooseModel, LLAVA_15, llava15Beside } from './choose-model.js';
import { openRandomModel } from './random-model.js';

/** The models that `llavahr latency` times. */
export interface TimedModelsChoice {
  model?: string;
  /** A released model to time with random weights; `vs` is then one as well. */
  randomWeights?: ReleasedModel;
  /** The model to compare with; `LLAVA_15` for the LLaVA-1.5 of the same decoder size. */
  vs?: string;
  resolution?: number;
  /** Default: fp32. */
  precision?: Precision;
  /** CLIP tower of a LLaVA-1.5 checkpoint that lacks it. */
  clipTower?: string;
  /** Base model of the first one, where that is a LoRA adapter or a projector. */
  base?: string;
  protocol?: 'paper';
}

/**
 * The model, then the ones it is compared with. With the paper's protocol, LLaVA-1.5 runs at its own size and, as in the
 * paper's "3 times faster", at the largest size not above LLaVA-HR's.
 */
export async function chooseTimedModels(choice: TimedModelsChoice, downloads: DownloadsOnDemand): Promise<Model[]> {
  const { resolution, precision, clipTower, base, vs, protocol } = choice;
  const open = (name: string | undefined, size: number | undefined, tower?: string, of?: string): Promise<Model> =>
    choice.randomWeights === undefined
      ? chooseModel({ model: name, resolution: size, precision, clipTower: tower, base: of }, downloads)
      : openRandom(name, '--vs', size, precision);
  const tower = vs === undefined ? clipTower : undefined;
  const first = await open(choice.randomWeights ?? choice.model, resolution, tower, base);
  if (vs === undefined) return [first];
  const name = vs === LLAVA_15 ? llava15Beside(first) : vs;
  const second = await open(name, undefined, clipTower);
  const { architecture } = second.manifest;
  if (protocol !== 'paper' || architecture.family !== 'llava-1.5') return [first, second];
  const models = [first];
  for (const size of sizesBeside(architecture, [first.vision.resolution])) {
    models.push(await open(name, size, clipTower));
  }
  return models;
}

/** @param option that named the model, for the error */
function openRandom(
  name: string | undefined,
  option: string,
  resolution: number | undefined,
  precision: Precision | undefined,
): Promise<Model> {
  const released = RELEASED_MODELS.find((model) => model === name);
  if (!released) {
    const allowed = [LLAVA_15, ...RELEASED_MODELS].join(', ');
    throw usageError(`With --random-weights, ${option} must be one of ${allowed}; got "${name}".`);
  }
  return openRandomModel({ name: released, architecture: RELEASED_ARCHITECTURES[released], precision, resolution });
}

/** The models of an ablation: one at several sizes (`resolutions`), or several at their own (`models`). */
export interface AblatedModelsChoice {
  model?: string;
  /** A released model with random weights; `also` are then such models as well. */
  randomWeights?: ReleasedModel;
  resolutions?: readonly number[];
  models?: readonly string[];
  /** Models to add at their own size and at the sizes of the others. */
  also?: readonly string[];
  /** Default: fp32. */
  precision?: Precision;
}

/** The model of each row of an ablation, exported at its size. @throws UserError (usage) for a choice without sizes */
export async function chooseAblatedModels(
  { model, randomWeights, models, resolutions, also = [], precision }: AblatedModelsChoice,
  downloads: DownloadsOnDemand,
): Promise<Model[]> {
  if (!models && !resolutions) {
    throw usageError('Give input sizes with --resolutions, or checkpoints of different sizes with --models.');
  }
  const choose = (name: string | undefined, resolution?: number): Promise<Model> =>
    randomWeights === undefined
      ? chooseModel({ model: name, resolution, precision }, downloads)
      : openRandom(name, '--also', resolution, precision);
  const chosen: Model[] = [];
  if (models) for (const name of models) chosen.push(await choose(name));
  else for (const resolution of ascending(resolutions!)) chosen.push(await choose(randomWeights ?? model, resolution));

  const sizes = chosen.map(({ vision }) => vision.resolution);
  for (const requested of also) {
    const name = requested === LLAVA_15 ? llava15Beside(chosen[0]!) : requested;
    const { manifest } = await choose(name);
    for (const resolution of sizesBeside(manifest.architecture, sizes)) chosen.push(await choose(name, resolution));
  }
  return chosen;
}

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
