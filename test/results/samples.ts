import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { LatencySummary } from '../../src/results/runs/latency.js';
import { summarizeLatency } from '../../src/results/runs/latency.js';
import type { RunResult } from '../../src/results/runs/load-run.js';
import type { AnsweredPrediction, FailedPrediction } from '../../src/results/runs/predictions.js';
import type { RunIdentity } from '../../src/results/runs/run-identity.js';
import type { Session } from '../../src/results/runs/run-record.js';

/** A folder of its own for a test, removed when the test ends. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const identity: RunIdentity = {
  benchmark: 'textvqa',
  split: 'val',
  protocol: { ocrTokens: true, limit: null },
  dataFiles: { 'questions.jsonl': 'a'.repeat(64), 'TextVQA_0.5.1_val.json': 'b'.repeat(64) },
  model: {
    name: 'llava-hr-7b',
    family: 'llava-hr',
    resolution: 1024,
    precision: 'fp32',
    weightsHash: 'c'.repeat(64),
    graphVersion: 1,
  },
  device: 'cpu',
  maxNewTokens: 128,
  preprocessingVersion: 1,
  generation: { method: 'greedy' },
};

export function answered(index: number, text = `answer ${index}`): AnsweredPrediction {
  return {
    index,
    question_id: `q${index}`,
    prompt: `What is number ${index}?\nAnswer the question using a single word or phrase.`,
    text,
    answer_id: 'A'.repeat(22),
    model_id: 'llava-hr-7b',
    metadata: {},
    tokens: 4,
  };
}

export function failed(index: number): FailedPrediction {
  const { question_id, prompt, answer_id, model_id, metadata } = answered(index);
  const error = { code: 'image-unreadable', message: 'not an image' };
  return { index, question_id, prompt, text: null, answer_id, model_id, metadata, error };
}

export const session: Session = {
  startedAt: '2026-01-02T03:04:05.678Z',
  argv: ['eval', 'textvqa'],
  settings: { batch: 8 },
  software: { llavahr: '0.1.0', node: '20.9.0', onnxruntime: '1.30.0', sharp: '0.35.5' },
  host: { platform: 'linux-x64', release: '6.1', cpu: 'Some CPU', cores: 2, memoryBytes: 8e9 },
  activeSeconds: 100,
  peakMemoryBytes: 3 * 2 ** 30,
};

export const latency: LatencySummary = summarizeLatency([], 100, 3 * 2 ** 30);

/** A finished run that differs from `identity` in the given fields. */
export function runResult(
  changes: Partial<RunIdentity> = {},
  scores: Record<string, number> = { accuracy: 67 },
): RunResult {
  const changed = { ...identity, ...changes };
  return {
    folder: 'results/some-run',
    record: {
      schemaVersion: 1,
      state: 'complete',
      createdAt: session.startedAt,
      finishedAt: '2026-01-02T04:04:05.678Z',
      identity: changed,
      sessions: [session],
    },
    metrics: {
      schemaVersion: 1,
      benchmark: changed.benchmark,
      split: changed.split,
      headline: Object.keys(scores)[0]!,
      scores,
      n: 5000,
      intervals: {},
      points: [],
      failed: 0,
      unparsable: 0,
      notes: [],
    },
    latency,
  };
}
