import { mkdir } from 'node:fs/promises';
import { batchBytes, weightBytes } from '../model/inference/batch-memory.js';
import { freeMemory } from '../model/inference/free-memory.js';
import { weightsHash } from '../model/model-folder.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { jsonFile } from '../shared/json-file.js';
import { AMOUNT, mapOf } from '../shared/json-schema.js';
import type { ModelSession } from './model-session.js';
import type { BatchLimits } from './plan-batches.js';

/** Prompt tokens a batch should have: enough to keep the matrix products busy. */
const BATCH_TOKENS = { cpu: 2048, gpu: 8192 } as const;
/** Rows beyond which nothing is gained. */
const MAX_ROWS = 16;
/** Of the free memory: other programs take some, and the estimate is one. */
const USABLE = 0.7;

/** Bytes, by the estimate, that batches were limited to when memory was short, by model and device. */
const rememberedLimits = jsonFile<Record<string, number>>('batch-limits.json', mapOf(AMOUNT));

/**
 * What bounds a batch. A given number bounds the rows and nothing else; `auto` gathers rows up to the tokens that keep
 * the device busy, as long as the estimate fits into what is free, or into what fitted when memory was short before.
 */
export async function batchLimits(
  session: ModelSession,
  batchSize: number | 'auto',
  maxNewTokens: number,
): Promise<BatchLimits> {
  const { model, devices } = session;
  const bytesOf: BatchLimits['bytesOf'] = (shape) => batchBytes(model, shape, maxNewTokens);
  if (batchSize !== 'auto') {
    return { rows: batchSize, tokens: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, bytesOf };
  }
  const device = devices[0]!;
  const sharing = device.provider === 'cpu' ? devices.length : 1;
  const free = (await freeMemory(device)) / sharing - (session.isLoaded() ? 0 : weightBytes(model));
  const remembered = (await readLimits())[key(session)] ?? Number.POSITIVE_INFINITY;
  const tokens = device.provider === 'cpu' ? BATCH_TOKENS.cpu : BATCH_TOKENS.gpu;
  return { rows: MAX_ROWS, tokens, bytes: Math.min(USABLE * Math.max(0, free), remembered), bytesOf };
}

/** Lets later `auto` runs of the model on the device begin with a limit that fitted. */
export async function rememberLimit(session: ModelSession, bytes: number): Promise<void> {
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  await rememberedLimits.write(folder, { ...(await readLimits()), [key(session)]: Math.floor(bytes) });
}

/** A file that cannot be read only means that memory may be short once more. */
async function readLimits(): Promise<Record<string, number>> {
  return (await rememberedLimits.read(cacheFolder()).catch(() => null)) ?? {};
}

function key({ model: { manifest, vision }, devices }: ModelSession): string {
  const { provider } = devices[0]!;
  return `${weightsHash(manifest).slice(0, 16)} at ${vision.resolution}, ${manifest.precision} on ${provider}`;
}
