/**
 * The architecture of a checkpoint: every dimension the exporter needs, read from its configs and tensor shapes.
 * Written to model.json of the exported model.
 */
export interface Architecture {
  family: 'llava-hr' | 'llava-1.5';
  language: LanguageModel;
  /** The low-resolution ("fast") pathway; LLaVA-1.5's only tower. */
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
}

/** A Llama decoder. Sizes in elements. */
export interface LanguageModel {
  layers: number;
  hiddenSize: number;
  heads: number;
  intermediateSize: number;
  /** Rows of the embedding and of the LM head; may exceed the tokenizer's vocabulary. */
  vocabSize: number;
  rmsNormEps: number;
  ropeTheta: number;
  /** Positions are divided by this (rope_scaling of type "linear"); 1 without scaling. */
  ropeScale: number;
  /** Longest sequence in tokens, image included. */
  maxPositions: number;
  eosTokenId: number;
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
