import { batchBytes, weightBytes } from '../model/inference/batch-memory.js';
import { freeMemory } from '../model/inference/free-memory.js';
import { modelHash } from '../model/model-folder.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { messageOf, UserError } from '../shared/errors.js';
import { jsonFile } from '../shared/json-file.js';
import { AMOUNT, mapOf } from '../shared/json-schema.js';
import { say } from '../shared/log.js';
import { makeFolder } from '../shared/make-folder.js';
import type { ModelSession } from './model-session.js';
import type { BatchLimits } from './plan-batches.js';

/** Target number of prompt tokens per batch: enough to make the matrix products efficient. */
const BATCH_TOKENS = { cpu: 2048, gpu: 8192 } as const;
/** More rows than this bring no further speed-up. */
const MAX_ROWS = 16;
/** Share of the free memory to use: other programs need some, and the estimate is not exact. */
const USABLE = 0.7;

/** Limits in estimated bytes, by model and device, learnt when earlier runs went out of memory. */
const rememberedLimits = jsonFile<Record<string, number>>('batch-limits.json', mapOf(AMOUNT));

/**
 * Limits of a batch. A number limits the rows only. `auto` adds rows until the batch keeps the device busy, as long as its
 * estimate fits into free memory and into any limit learnt from an earlier out-of-memory failure.
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

/** Saves a limit that worked, so that later `auto` runs of the model on this kind of device start with it. */
export async function rememberLimit(session: ModelSession, bytes: number): Promise<void> {
  try {
    const folder = cacheFolder();
    await makeFolder(folder);
    await rememberedLimits.write(folder, { ...(await readLimits()), [key(session)]: Math.floor(bytes) });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say('warn', `The batch size is not remembered: ${messageOf(error)}`); // the answers are worth more
  }
}

/** An unreadable file is ignored: at worst, a run goes out of memory once more. */
async function readLimits(): Promise<Record<string, number>> {
  try {
    return (await rememberedLimits.read(cacheFolder())) ?? {};
  } catch (error) {
    if (error instanceof UserError) return {};
    throw error;
  }
}

function key({ model: { manifest, vision }, devices }: ModelSession): string {
  const { provider } = devices[0]!;
  return `${modelHash(manifest).slice(0, 16)} at ${vision.resolution}, ${manifest.precision} on ${provider}`;
}
