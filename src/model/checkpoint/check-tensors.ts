import { countOf } from '../../shared/count-of.js';
import { UserError } from '../../shared/errors.js';
import { describeName, type NamedTensors } from './named-tensors.js';
import type { TensorShapes } from './required-tensors.js';
import { isKnownUnused } from './tensor-names.js';

/** @throws UserError when a required tensor is missing or has the wrong shape or an unsupported element type */
export function checkTensors(tensors: NamedTensors, required: TensorShapes): void {
  const missing = [...required.keys()].filter((name) => !tensors.infos.has(name));
  if (missing.length > 0) {
    const names = missing.map((name) => describeName(tensors, name));
    throw new UserError(
      `${tensors.folder}: ${countOf(names.length, 'tensor')} missing from the weights: ${list(names, 8)}.`,
    );
  }
  for (const [name, shape] of required) {
    const info = tensors.infos.get(name)!;
    if (info.problem !== undefined) throw new UserError(info.problem);
    const described = `${info.file}: tensor ${describeName(tensors, name)}`;
    if (info.shape.length === 1 && info.shape[0] === 0) {
      throw new UserError(
        `${described} is empty: DeepSpeed ZeRO-3 saved the model without gathering its weights. ` +
          'Run "python zero_to_fp32.py . pytorch_model.bin" in the training checkpoint, or save with stage3_gather_16bit_weights_on_model_save.',
      );
    }
    if (`${info.shape}` !== `${shape}`) {
      throw new UserError(
        `${described} has shape [${info.shape.join(', ')}], but the model needs [${shape.join(', ')}].`,
      );
    }
    if (info.dtype === 'other') {
      throw new UserError(
        `${described} is of type ${info.storedDtype ?? 'other'}, neither F32, F16 nor BF16. ` +
          (info.storedDtype === 'F64' || info.storedDtype === 'float64'
            ? 'Save the model in one of these in PyTorch: model.float().save_pretrained(folder).'
            : 'Quantised checkpoints are not supported: use the original one.'),
      );
    }
  }
}

/** Modules whose tensors all take part in the computation: one that we do not know would change the results. */
const COMPUTED = [
  /^model\.layers\.\d+\./,
  /^model\.(embed_tokens|norm|mm_projector|vision_resampler)\./,
  /^model\.vision_tower\.align_stages/,
  /^lm_head\./,
];

/**
 * @throws UserError when the weights hold tensors, such as the bias of an attention, that belong to a part of the model
 *   that we compute without them
 */
export function refuseUncomputed(tensors: NamedTensors, required: TensorShapes): void {
  const spare = [...tensors.infos.keys()].filter((name) => !required.has(name) && !isKnownUnused(name));
  const uncomputed = spare.filter((name) => COMPUTED.some((pattern) => pattern.test(name)));
  if (uncomputed.length === 0) return;
  const names = uncomputed.map((name) => describeName(tensors, name));
  throw new UserError(
    `${tensors.folder}: the weights hold ${countOf(names.length, 'tensor')} in modules that the model computes with, which are not supported: ` +
      `${list(names, 3)}. Without them the answers would be those of another model. Remove them only if they are not used.`,
  );
}

/**
 * Tensors that the model does not need.
 * @param unmatched names in the files without an official name
 * @returns `known` a note on those that checkpoints usually hold, `unknown` a warning on all others; null without any
 */
export function describeUnused(
  tensors: NamedTensors,
  unmatched: readonly string[],
  required: TensorShapes,
): { known: string | null; unknown: string | null } {
  const spare = [...tensors.infos.keys()].filter((name) => !required.has(name));
  const known = spare.filter(isKnownUnused);
  const unknown = [...spare.filter((name) => !isKnownUnused(name)), ...unmatched];
  return {
    known:
      known.length > 0
        ? `Ignored ${countOf(known.length, 'tensor')} that the model never uses: ${list(known, 3)}.`
        : null,
    unknown:
      unknown.length > 0
        ? `Ignored ${countOf(unknown.length, 'tensor')} with unknown names: ${list(unknown, 3)}.`
        : null,
  };
}

function list(names: readonly string[], shown: number): string {
  const more = names.length - shown;
  return names.slice(0, shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
