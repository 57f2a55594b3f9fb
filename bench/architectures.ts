import type { Architecture } from '../src/model/architecture.js';
import { RELEASED_ARCHITECTURES } from '../src/model/released-architectures.js';

const llava15 = RELEASED_ARCHITECTURES['llava-1.5-7b'];

/** A mid-size decoder behind a small CLIP: 576 visual tokens, about 610 tokens before the question. */
export const MID_SIZE: Architecture = {
  ...llava15,
  language: { ...llava15.language, layers: 8, hiddenSize: 1024, heads: 16, intermediateSize: 2752 },
  clip: { ...llava15.clip, layers: 4, usedLayers: 3, hiddenSize: 256, heads: 4, intermediateSize: 1024 },
  projector: { layers: 2, inputSize: 256 },
};

const hr = RELEASED_ARCHITECTURES['llava-hr-7b'];

/** LLaVA-HR-7B's towers and two of its 32 decoder layers: two fit in 16 GB, and a run takes a minute or two. */
export const HR_7B_TWO_LAYERS: Architecture = { ...hr, language: { ...hr.language, layers: 2 } };
