/**
 * The architecture of a checkpoint: every dimension the exporter needs, read from its configs and tensor shapes.
 * Written to model.json of the exported model.
 */
export interface Architecture {
  family: 'llava-hr' | 'llava-1.5' | 'llava-next';
  language: LanguageModel;
  /** The low-resolution ("fast") pathway; the only tower of LLaVA-1.5 and LLaVA-NeXT. */
  clip: ClipTower;
  /** The high-resolution ("slow") pathway; LLaVA-HR only. */
  convnext: ConvNextTower | null;
  /** MR-Adapters between the quarters of the CLIP layers (`align_stages_latent`); absent when trained with freeze_vision. */
  stageAdapters: boolean;
  projector: Projector;
  /** Side in pixels of the square input the checkpoint was trained at. */
  inputImageSize: number;
  /** How an image is made square: padded with the CLIP mean colour, or shortest edge resized and centre cropped. */
  imageAspect: 'pad' | 'crop';
  /** How an image is cut into tiles of `inputImageSize`, in place of `imageAspect`; LLaVA-NeXT only. */
  tiling?: Tiling;
}

/** LLaVA-NeXT's "anyres": an image is scaled into one of several sizes, which is cut into square tiles. */
export interface Tiling {
  /** [width, height] in pixels, multiples of the tile's side. */
  sizes: [number, number][];
  /** What is left of the margins is rounded to 7 decimals before it is truncated, as in transformers; LLaVA truncates only. */
  roundsBeforeTruncating: boolean;
}

/** A Llama decoder. Sizes in elements. */
export interface LanguageModel {
  layers: number;
  hiddenSize: number;
  heads: number;
  /** Heads of keys and values, each shared by `heads / keyValueHeads` heads of queries; absent: as many as `heads`. */
  keyValueHeads?: number;
  intermediateSize: number;
  /** Rows of the embedding and of the LM head; may exceed the tokenizer's vocabulary. */
  vocabSize: number;
  rmsNormEps: number;
  ropeTheta: number;
  /** Positions are divided by this (rope_scaling of type "linear"); 1 without scaling. */
  ropeScale: number;
  /** rope_scaling of type "llama3"; absent without. */
  llama3Rope?: Llama3Rope;
  /** A token sees itself and the tokens before it, this many in all (Mistral); absent: all of them. */
  slidingWindow?: number;
  /** Longest sequence in tokens, image included. */
  maxPositions: number;
  eosTokenId: number;
  /** Further tokens that end an answer; absent without. */
  otherEosTokenIds?: number[];
}

/** Llama 3's scaling of the rotary embedding: low frequencies are divided by `factor`, those in between in part. */
export interface Llama3Rope {
  factor: number;
  lowFrequencyFactor: number;
  highFrequencyFactor: number;
  /** Context before the scaling, in tokens. */
  originalPositions: number;
}

/** All tokens that end an answer. */
export function endTokensOf({ eosTokenId, otherEosTokenIds = [] }: LanguageModel): number[] {
  return [eosTokenId, ...otherEosTokenIds];
}

/** Heads of keys and values in a decoder. */
export function keyValueHeadsOf({
  heads,
  keyValueHeads = heads,
}: Pick<LanguageModel, 'heads' | 'keyValueHeads'>): number {
  return keyValueHeads;
}

/** A CLIP vision transformer. */
export interface ClipTower {
  layers: number;
  /** Layers that run: all of them in LLaVA-HR, layers + 1 + mm_vision_select_layer in LLaVA-1.5. */
  usedLayers: number;
  hiddenSize: number;
  heads: number;
  intermediateSize: number;
  patchSize: number;
  /** Native input side in pixels; the position table has (imageSize / patchSize)^2 + 1 rows. */
  imageSize: number;
  layerNormEps: number;
  activation: 'quick_gelu' | 'gelu';
}

/** A ConvNeXt in timm's layout: four stages, stride 32 in all. */
export interface ConvNextTower {
  depths: number[];
  dims: number[];
  layerNormEps: number;
}

/** The vision-language projector: `linear`, or an MLP with GELU between its layers. */
export interface Projector {
  layers: number;
  inputSize: number;
}
