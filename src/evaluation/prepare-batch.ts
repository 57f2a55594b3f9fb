import { createHash } from 'node:crypto';
import type { Question } from '../benchmarks/benchmark.js';
import type { ImageSource } from '../datasets/image-source.js';
import { contextLength } from '../model/context-length.js';
import type { ConvMode } from '../model/conversation.js';
import type { ImageThreads } from '../model/images/image-threads.js';
import type { PreparedImage } from '../model/images/prepare-image.js';
import { type PromptRow, promptLength } from '../model/inference/pack-prompts.js';
import { imageInput, type Model } from '../model/model-folder.js';
import { buildPrompt, IMAGE_TOKEN, tokenizePrompt } from '../model/prompt.js';
import type { Tokenizer } from '../model/tokenizer/tokenizer.js';
import { ImageError, messageOf } from '../shared/errors.js';
import type { AskedQuestion } from './make-prediction.js';
import { packImages } from './pack-images.js';
import type { QuestionGroup } from './plan-batches.js';

/** What is needed to prepare a batch. */
export interface BatchSources {
  model: Model;
  tokenizer: Tokenizer;
  convMode: ConvMode;
  images: ImageSource;
  /** Of the benchmark, if it has one of its own. */
  systemPrompt?: string | undefined;
  imageThreads: ImageThreads;
  /** Told the sha256 of each image that was read. @throws UserError when it is another than before */
  noteImage?(image: string, sha256: string): void;
}

/** A question that cannot be run, and why. */
export interface RejectedQuestion {
  question: Question;
  code: 'image-missing' | 'image-unreadable' | 'image-too-large' | 'prompt-too-long' | 'prompt-invalid';
  message: string;
}

/** Questions of one batch with their inputs; `ready[row][i]` belongs to `rows[row].prompts[i]`. */
export interface PreparedBatch {
  /** uint8, [squares, resolution, resolution, 3]: the images, or their tiles one after the other */
  pixels: Uint8Array;
  images: number;
  /** Of all images. */
  visualTokens: number;
  rows: PromptRow[];
  ready: AskedQuestion[][];
  rejected: RejectedQuestion[];
  /** Time to read, decode and resize all images of the batch. */
  decodeMs: number;
}

interface PreparedGroup {
  image: PreparedImage | null;
  prompts: number[][];
  ready: AskedQuestion[];
  rejected: RejectedQuestion[];
}

/** Reads and decodes the images and tokenises the prompts of a batch. A bad question or image does not affect the others. */
export async function prepareBatch(sources: BatchSources, groups: readonly QuestionGroup[]): Promise<PreparedBatch> {
  const start = performance.now();
  const prepared = await Promise.all(groups.map((group) => prepareGroup(sources, group)));
  const runnable = prepared.filter(({ prompts }) => prompts.length > 0);
  const { vision } = sources.model;
  const images = runnable.flatMap(({ image }) => image ?? []);
  const { pixels, places } = packImages(images, vision.resolution);
  const place = places.values();
  const rows = runnable.map(({ image, prompts }): PromptRow => {
    return { ...(image === null ? { image } : place.next().value!), prompts };
  });
  return {
    pixels,
    images: images.length,
    visualTokens: images.reduce((sum, { order }) => sum + (order?.length ?? vision.visualTokens), 0),
    rows,
    ready: runnable.map(({ ready }) => ready),
    rejected: prepared.flatMap(({ rejected }) => rejected),
    decodeMs: performance.now() - start,
  };
}

async function prepareGroup(sources: BatchSources, { image, questions }: QuestionGroup): Promise<PreparedGroup> {
  const { model, images, imageThreads } = sources;
  let prepared: PreparedImage | null = null;
  let imageSha256: string | null = null;
  if (image !== null) {
    try {
      const bytes = await images.read(image);
      imageSha256 = createHash('sha256').update(bytes).digest('hex');
      sources.noteImage?.(image, imageSha256);
      prepared = await imageThreads.prepare({ bytes, name: image, input: imageInput(model) });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      const rejection = { code: `image-${error.code}` as const, message: messageOf(error) };
      return {
        image: null,
        prompts: [],
        ready: [],
        rejected: questions.map((question) => ({ question, ...rejection })),
      };
    }
  }
  const visualTokens = prepared?.order?.length ?? model.vision.visualTokens;
  const group: PreparedGroup = { image: prepared, prompts: [], ready: [], rejected: [] };
  const template = { image: image !== null, convMode: sources.convMode, system: sources.systemPrompt };
  for (const question of questions) {
    const prompt = tokenizePrompt(sources.tokenizer, buildPrompt(question.text, template));
    const problem = promptProblem(prompt, image === null ? null : visualTokens, model);
    if (problem) {
      group.rejected.push({ question, ...problem });
    } else {
      group.prompts.push(prompt);
      group.ready.push({ question, imageSha256 });
    }
  }
  return group;
}

function promptProblem(
  prompt: number[],
  visualTokens: number | null,
  model: Model,
): Pick<RejectedQuestion, 'code' | 'message'> | null {
  const imagesInPrompt = prompt.filter((id) => id === IMAGE_TOKEN).length;
  if (imagesInPrompt !== (visualTokens === null ? 0 : 1)) {
    return {
      code: 'prompt-invalid',
      message: 'the question contains the text "<image>", which is reserved for the image',
    };
  }
  const { vocabSize } = model.manifest.architecture.language;
  const strange = prompt.find((id) => id >= vocabSize);
  if (strange !== undefined) {
    return {
      code: 'prompt-invalid',
      message: `the question contains token ${strange}, for which the model's embedding of ${vocabSize} rows has none`,
    };
  }
  const length = promptLength(prompt, visualTokens ?? 0);
  const context = contextLength(model.manifest.architecture, model.vision.visualTokens);
  if (length < context) return null;
  return {
    code: 'prompt-too-long',
    message: `the prompt has ${length} tokens (${visualTokens ?? 0} of them visual), but the model's context holds ${context}`,
  };
}
