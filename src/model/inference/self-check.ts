import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { jsonFile } from '../../shared/json-file.js';
import { AMOUNT, mapOf, objectOf, TEXT } from '../../shared/json-schema.js';
import { packageVersion } from '../../shared/version.js';
import { MODEL_FILES, type Model } from '../model-folder.js';
import { buildPrompt, tokenizePrompt } from '../prompt.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';
import { type Device, deviceName } from './device.js';
import { type Inference, startInference } from './inference.js';

/** Largest differences from the CPU that rounding explains, relative to the largest value. */
const TOLERANCE = { fp32: { visual: 1e-3, logit: 5e-3 }, fp16: { visual: 3e-2, logit: 5e-2 } } as const;

/** Questions about one image, packed in one row that is as long as real ones, and one about another image. */
const QUESTIONS = [
  [
    'What is written on the sign?',
    'How many people are in the picture?',
    'Is there a red car on the left side of the street?',
  ],
  ['What color is the background?'],
];

/** How a device's results differed from the CPU's. */
export interface SelfCheck {
  passed: boolean;
  /** Largest difference of a visual token's element, relative to the largest element. */
  visualError: number;
  /** Largest difference of the first chosen token's logit, relative to the largest. */
  logitError: number;
  /** Answers of four tokens that were the same, of all. */
  sameAnswers: string;
}

/** By device, resolution and version of ONNX Runtime. */
const selfChecks = jsonFile<Record<string, SelfCheck>>(
  MODEL_FILES.selfChecks,
  mapOf(
    objectOf<SelfCheck>({ passed: { type: 'boolean' }, visualError: AMOUNT, logitError: AMOUNT, sameAnswers: TEXT }),
  ),
);

/**
 * Compares a device with the CPU on fixed images and questions, once per model, resolution, device and version of
 * ONNX Runtime; the outcome is kept in the model folder. The CPU itself is the reference and passes.
 * @throws UserError with the figures when the device's results are wrong
 */
export async function ensureSelfCheck(
  model: Model,
  device: Device,
  inference: Inference,
  tokenizer: Tokenizer,
  onStart: () => void,
): Promise<void> {
  if (device.provider === 'cpu') return;
  // A record that cannot be read, or a model folder that cannot be written to, only means that the check runs again.
  const known = (await selfChecks.read(model.folder).catch(() => null)) ?? {};
  const key = `${deviceName(device)} at ${model.vision.resolution}, onnxruntime-node ${packageVersion('onnxruntime-node')}`;
  let check = known[key];
  if (!check) {
    onStart();
    check = await compareWithCpu(model, inference, tokenizer);
    await selfChecks.write(model.folder, { ...known, [key]: check }).catch(() => undefined);
  }
  if (!check.passed) {
    throw new UserError(
      `--device ${deviceName(device)} computes wrong results for this model: visual tokens differ from the CPU's by ` +
        `${check.visualError.toExponential(1)} of the largest value, logits by ${check.logitError.toExponential(1)}, ` +
        `${check.sameAnswers} answers agree. Use another device. (Recorded in ${join(model.folder, selfChecks.name)}; delete it to check again.)`,
    );
  }
}

async function compareWithCpu(model: Model, inference: Inference, tokenizer: Tokenizer): Promise<SelfCheck> {
  const onDevice = await inference.run(checkBatch(model, tokenizer));
  const cpu = await startInference(model, { provider: 'cpu', index: 0 });
  const onCpu = await cpu.run(checkBatch(model, tokenizer)).finally(cpu.close);
  const visualError = relativeError(onDevice.visual, onCpu.visual);
  const logitError = relativeError(onDevice.firstLogits.flat(), onCpu.firstLogits.flat());
  const answers = onCpu.tokens.flat().map(String);
  const same = onDevice.tokens.flat().filter((ids, i) => String(ids) === answers[i]).length;
  const limits = TOLERANCE[model.manifest.precision === 'fp16' ? 'fp16' : 'fp32'];
  return {
    passed: visualError <= limits.visual && logitError <= limits.logit,
    visualError,
    logitError,
    sameAnswers: `${same} of ${answers.length}`,
  };
}

function checkBatch(model: Model, tokenizer: Tokenizer): Parameters<Inference['run']>[0] {
  const bytes = model.vision.resolution ** 2 * 3;
  const pixels = new Uint8Array(bytes * QUESTIONS.length);
  // Smooth colours with some noise: neither flat, which would hide errors, nor pure noise, which no model has seen.
  let noise = 1;
  for (let i = 0; i < pixels.length; i++) {
    noise = (noise * 48271) % 0x7fffffff;
    pixels[i] = 96 + 64 * Math.sin(i / 5000) + (noise % 64);
  }
  const rows = QUESTIONS.map((questions, image) => ({
    image,
    prompts: questions.map((question) => tokenizePrompt(tokenizer, buildPrompt(question))),
  }));
  return { pixels, rows, maxNewTokens: 4, timePrefill: false, keepVisual: true };
}

/** Largest absolute difference over the largest absolute reference value; not a number counts as very large. */
function relativeError(values: ArrayLike<number>, reference: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    const d = Math.abs(values[i]! - reference[i]!);
    difference = Math.max(difference, Number.isNaN(d) ? Number.MAX_VALUE : d);
    largest = Math.max(largest, Math.abs(reference[i]!));
  }
  return Math.min(difference / (largest || 1), Number.MAX_VALUE);
}
