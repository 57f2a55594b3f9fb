import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { jsonFile } from '../../shared/json-file.js';
import { AMOUNT, mapOf, objectOf, TEXT } from '../../shared/json-schema.js';
import { packageVersion } from '../../shared/version.js';
import { madeUpPixels } from '../images/made-up-pixels.js';
import { MODEL_FILES, type Model } from '../model-folder.js';
import { buildPrompt, tokenizePrompt } from '../prompt.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';
import { type Device, deviceName } from './device.js';
import { type Inference, startInference } from './inference.js';

/** Largest differences from the CPU attributable to rounding, relative to the largest value. */
const TOLERANCE = { fp32: { visual: 1e-3, logit: 5e-3 }, fp16: { visual: 3e-2, logit: 5e-2 } } as const;

/** Three questions about one image, packed into a row of realistic length, and one about another image. */
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
  /** How many of the four-token answers were identical, as "3 of 4". */
  sameAnswers: string;
}

/** Outcomes by device, resolution and ONNX Runtime version. */
const selfChecks = jsonFile<Record<string, SelfCheck>>(
  MODEL_FILES.selfChecks,
  mapOf(
    objectOf<SelfCheck>({ passed: { type: 'boolean' }, visualError: AMOUNT, logitError: AMOUNT, sameAnswers: TEXT }),
  ),
);

/**
 * Compares a device with the CPU on fixed images and questions, once per model, resolution, device and ONNX Runtime
 * version, and records the outcome in the model folder. The CPU is the reference and always passes.
 * @throws UserError with the measured differences when the device's results are wrong
 */
export async function ensureSelfCheck(
  model: Model,
  device: Device,
  inference: Inference,
  tokenizer: Tokenizer,
  onStart: () => void,
): Promise<void> {
  if (device.provider === 'cpu') return;
  // An unreadable record or a read-only model folder only means that the check runs again.
  const recorded = (await selfChecks.read(model.folder).catch(() => null)) ?? {};
  const key = `${deviceName(device)} at ${model.vision.resolution}, onnxruntime-node ${packageVersion('onnxruntime-node')}`;
  let check = recorded[key];
  if (!check) {
    onStart();
    check = await compareWithCpu(model, inference, tokenizer);
    await selfChecks.write(model.folder, { ...recorded, [key]: check }).catch(() => undefined);
  }
  if (!check.passed) {
    throw new UserError(
      `--device ${deviceName(device)} computes wrong results for this model: compared with the CPU, visual tokens differ ` +
        `by ${check.visualError.toExponential(1)} of the largest value and logits by ` +
        `${check.logitError.toExponential(1)}; ${check.sameAnswers} answers agree. Use another device, or delete ` +
        `${join(model.folder, selfChecks.name)} to check again.`,
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
  const pixels = madeUpPixels(model.vision.resolution ** 2 * 3 * QUESTIONS.length, 64);
  const rows = QUESTIONS.map((questions, image) => ({
    image,
    prompts: questions.map((question) => tokenizePrompt(tokenizer, buildPrompt(question))),
  }));
  return { pixels, rows, maxNewTokens: 4, timePrefill: false, keepVisual: true };
}

/** Largest absolute difference relative to the largest absolute reference value; NaN counts as very large. */
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
