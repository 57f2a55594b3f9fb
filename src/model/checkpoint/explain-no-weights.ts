import { existsSync, readdirSync } from 'node:fs';
import { UserError } from '../../shared/errors.js';

/** What a folder may contain instead of weights, by the names of its files: the first that fits is the explanation. */
const FOUND: readonly (readonly [name: RegExp, explain: (name: string, folder: string) => string])[] = [
  [
    /^(zero_to_fp32\.py|global_step\d+|latest|.*_optim_states\.pt|mp_rank_\d+_model_states\.pt)$/,
    (name, folder) =>
      `It is a DeepSpeed training checkpoint (${name}). Gather the weights: cd ${folder} && python zero_to_fp32.py . pytorch_model.bin`,
  ],
  [
    /^(model|pytorch_model)\.\w+\.(safetensors|bin)$/,
    (name) =>
      `${name} is a variant, which transformers reads with variant=${JSON.stringify(name.split('.')[1])}. ` +
      `Rename it to ${name.replace(/\.\w+\./, '.')}.`,
  ],
  [
    /^(model|pytorch_model)(\.\w+)?-\d+-of-\d+(\.\w+)?\.(safetensors|bin)$/,
    (name) => {
      const index = name.endsWith('.bin') ? 'pytorch_model.bin.index.json' : 'model.safetensors.index.json';
      return `${name} is one of several shards, but their index ${index} is missing. Download it too.`;
    },
  ],
  [
    /\.gguf$/,
    (name) =>
      `${name} is in the format of llama.cpp, which is not read. Download the original checkpoint in safetensors.`,
  ],
  [
    /^consolidated.*\.(pth|safetensors)$/,
    (name) =>
      `${name} is in the format of the original Llama code. Download the checkpoint in the format of transformers (its ` +
      'repository on the Hugging Face Hub mostly has both).',
  ],
  [
    /^(tf_model\.h5|flax_model\.msgpack|flax_model-.*\.msgpack)$/,
    (name) =>
      `${name} is of TensorFlow or Flax. Save it from PyTorch: from_pretrained(folder, from_tf=True or from_flax=True).save_pretrained(folder).`,
  ],
  [
    /\.(pt|pth|ckpt)$/,
    (name) =>
      `${name} may be a state dict of PyTorch: if it is, rename it to pytorch_model.bin. If it is a training state, save its ` +
      'model with save_pretrained.',
  ],
  [
    /^checkpoint-\d+$/,
    (name) => `The training saved its checkpoints in subfolders: give one of them, such as ${name}.`,
  ],
];

/** What a folder contains instead of a checkpoint, and what to do; null when nothing in it is known. */
export function explainFolder(folder: string): string | null {
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  for (const [pattern, explain] of FOUND) {
    const name = files.find((file) => pattern.test(file));
    if (name !== undefined) return explain(name, folder);
  }
  return null;
}

/** The error for a folder without weights. */
export function explainNoWeights(folder: string, lookedFor: readonly string[]): UserError {
  const explanation = explainFolder(folder) ?? 'Download them into this folder.';
  return new UserError(`${folder} contains no weights (looked for ${lookedFor.join(', ')}). ${explanation}`);
}
