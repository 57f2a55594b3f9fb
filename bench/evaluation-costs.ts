import { PAPER_BENCHMARKS } from '../src/benchmarks/registry.js';
import type { Architecture } from '../src/model/architecture.js';
import { batchBytes, weightBytes } from '../src/model/inference/batch-memory.js';
import type { Model } from '../src/model/model-folder.js';
import { byteSize } from '../src/shared/byte-size.js';
import { plannedModel } from './planned-model.js';

/*
 * Estimates the cost of evaluating a 7B model from bytes and floating point operations, for the tables of
 * docs/devices.md. Runs no model.
 */

/** Assumed sustained performance of a device. */
interface Device {
  name: string;
  visionFlops: number; // per second
  languageFlops: number; // per second
  /** Seconds per decoding step of a batch, given the bytes of the decoder's weights. */
  stepSeconds: (weightBytes: number) => number;
  /** Prompt tokens per batch. */
  batchTokens: number;
}

/** Assumed fraction of the data sheets' figures. */
const REACHED_FLOPS = 0.4;
const REACHED_BANDWIDTH = 0.6;

function gpu(name: string, peakFlops: number, bandwidth: number): Device {
  const flops = REACHED_FLOPS * peakFlops;
  return {
    name,
    visionFlops: flops,
    languageFlops: flops,
    stepSeconds: (bytes) => bytes / (REACHED_BANDWIDTH * bandwidth),
    batchTokens: 8192,
  };
}

const DEVICES: readonly Device[] = [
  // Data sheets: dense fp16 with fp32 accumulation, memory bandwidth.
  gpu('A100 80 GB, fp16', 312e12, 2.0e12),
  gpu('RTX 4090 24 GB, fp16', 165e12, 1.0e12),
  // One question measured on two EPYC cores with AVX-512 VNNI, int8: 2.2 TFLOP of vision in 13.9 s, 14.3 TFLOP of
  // prefill in 24.0 s, 0.38 s per further token.
  {
    name: 'CPU, 2 cores, int8',
    visionFlops: 2.2e12 / 13.9,
    languageFlops: 14.3e12 / 24,
    stepSeconds: () => 0.38,
    batchTokens: 2048,
  },
];

/** Assumed number of tokens in a question with its instruction, and in an answer. */
const TYPICAL = { question: 60, answer: 4 };
const TOKENS: Readonly<Record<string, Partial<typeof TYPICAL>>> = {
  textvqa: { question: 150 }, // OCR tokens
  scienceqa: { question: 150 }, // hints
  mmvet: { answer: 120 },
};

/** Tokens of the system prompt. */
const SYSTEM_TOKENS = 35;
/** A batch decodes until its longest answer ends. */
const LONGEST_ANSWER = 2; // relative to the mean

/** Floating point operations of the towers and the projector for one image; without the adapters. */
function visionFlop({ clip, convnext, projector, language }: Architecture, resolution: number, tokens: number): number {
  const width = clip.hiddenSize;
  const layer = 2 * tokens * (4 * width ** 2 + 2 * width * clip.intermediateSize) + 4 * tokens ** 2 * width;
  let flop = clip.usedLayers * layer;
  convnext?.depths.forEach((depth, stage) => {
    const channels = convnext.dims[stage]!;
    const pixels = (resolution / 4 / 2 ** stage) ** 2;
    flop += depth * pixels * 2 * (49 * channels + 8 * channels ** 2);
  });
  return flop + 2 * tokens * language.hiddenSize * (projector.inputSize + language.hiddenSize);
}

/** Floating point operations of the decoder for one token after a number of tokens. */
function tokenFlop({ language: { layers, hiddenSize, intermediateSize } }: Architecture, context: number): number {
  return layers * (2 * (4 * hiddenSize ** 2 + 3 * hiddenSize * intermediateSize) + 4 * context * hiddenSize);
}

/** Hours for a split on a device. @param images number of images with questions */
function hours(model: Model, device: Device, benchmark: string, questions: number, images: number): number {
  const { architecture, weights } = model.manifest;
  const { visualTokens, resolution } = model.vision;
  const { question, answer } = { ...TYPICAL, ...TOKENS[benchmark] };
  const prefix = visualTokens + SYSTEM_TOKENS;
  const decoder = weights.find(({ name }) => name === 'language.weights')!.bytes;
  const prefill =
    images * prefix * tokenFlop(architecture, prefix / 2) + questions * question * tokenFlop(architecture, prefix);
  const rowTokens = prefix + (questions / images) * question;
  const batches = images / Math.max(1, device.batchTokens / rowTokens);
  const seconds =
    (images * visionFlop(architecture, resolution, visualTokens)) / device.visionFlops +
    prefill / device.languageFlops +
    batches * LONGEST_ANSWER * answer * device.stepSeconds(decoder);
  return seconds / 3600;
}

function shown(value: number): string {
  return value < 1
    ? `${Math.max(1, Math.round(60 * value))} min`
    : `${value < 10 ? value.toFixed(1) : Math.round(value)} h`;
}

/** The tables of docs/devices.md in Markdown; a test compares the two. */
export async function evaluationCosts(): Promise<string> {
  const lines: string[] = [];
  lines.push(
    '',
    '| model | precision | weights | 1 image, 1 question | 7 images, 16 questions each |',
    '|---|---|---:|---:|---:|',
  );
  for (const name of ['llava-hr-7b', 'llava-1.5-7b', 'llava-hr-13b-x', 'llava-1.5-13b'] as const) {
    for (const precision of ['fp16', 'int8'] as const) {
      const model = plannedModel(name, precision);
      const length = model.vision.visualTokens + SYSTEM_TOKENS;
      const of = (rows: number, questions: number) =>
        weightBytes(model) + batchBytes(model, { rows, questions, length: length + questions * TYPICAL.question }, 32);
      const sizes = [weightBytes(model), of(1, 1), of(7, 16)].map(byteSize);
      lines.push(`| ${name} | ${precision} | ${sizes.join(' | ')} |`);
    }
  }
  const model = plannedModel('llava-hr-7b', 'fp16');
  const int8 = plannedModel('llava-hr-7b', 'int8');
  lines.push('', `| benchmark | split | questions | images | ${DEVICES.map(({ name }) => name).join(' | ')} |`);
  lines.push(`|---|---|---:|---:|${DEVICES.map(() => '---:|').join('')}`);
  const totals = DEVICES.map(() => 0);
  for (const { name, splits } of PAPER_BENCHMARKS) {
    const { name: split, images } = splits[0]!;
    const questions = splits[0]!.questions!;
    // If the number is unknown: as many questions per image as in val, or one image per question.
    const withImage = images ?? (name === 'vqav2' ? Math.round(questions / 5.3) : questions);
    const times = DEVICES.map((device) =>
      hours(device.name.includes('int8') ? int8 : model, device, name, questions, withImage),
    );
    times.forEach((time, i) => {
      totals[i]! += time;
    });
    const count = images === null ? `about ${withImage.toLocaleString('en')}` : images.toLocaleString('en');
    lines.push(
      `| ${name} | ${split} | ${questions.toLocaleString('en')} | ${count} | ${times.map(shown).join(' | ')} |`,
    );
  }
  lines.push(`| all | | | | ${totals.map(shown).join(' | ')} |`);
  return lines.join('\n');
}
