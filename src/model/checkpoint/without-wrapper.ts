import type { TensorSource } from './tensor-source.js';

/** What wrappers of a model put before every name of its state dict: DataParallel and DeepSpeed, torch.compile, PEFT. */
const WRAPPERS = ['module.', '_orig_mod.', 'base_model.model.'];

/** The weights of a model that was saved inside a wrapper, by the names they have without it; other weights as they are. */
export function withoutWrapper<T extends TensorSource>(weights: T): T {
  const names = [...weights.tensors.keys()];
  if (names.length === 0) return weights;
  let wrapper = '';
  const next = () => WRAPPERS.find((prefix) => names.every((name) => name.startsWith(wrapper + prefix)));
  for (let prefix = next(); prefix !== undefined; prefix = next()) wrapper += prefix;
  if (wrapper === '') return weights;
  return {
    ...weights,
    tensors: new Map(
      [...weights.tensors].map(([name, info]) => {
        const inner = name.slice(wrapper.length);
        return [inner, { ...info, name: inner }];
      }),
    ),
    read: (name) => weights.read(wrapper + name),
  };
}
