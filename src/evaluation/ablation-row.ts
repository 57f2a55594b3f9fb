import type { Model } from '../model/model-folder.js';
import type { AblationRow, AblationSpeed } from '../results/reports/ablation-table.js';
import { modelMs } from '../results/reports/timed-runs.js';
import type { TimingReport } from '../results/reports/timing-report.js';
import type { RunResult } from '../results/runs/load-run.js';
import { ablationSize } from './ablation-plan.js';

/** A row of an ablation's table. @param device asked for; the runs' own is shown if there are any */
export function ablationRow(
  { manifest, vision }: Model,
  device: string,
  runs: RunResult[],
  speed: AblationSpeed | null,
): AblationRow {
  const { resolution, lowResolution, visualTokens, trainedResolution, isTrainedSize } = ablationSize(
    manifest.architecture,
    vision.resolution,
  );
  return {
    model: manifest.name,
    resolution: { high: resolution, low: lowResolution },
    visualTokens,
    trainedResolution,
    isTrainedSize,
    runs,
    precision: manifest.precision,
    device: runs[0]?.record.identity.device ?? device,
    speed,
  };
}

/** The speed that an ablation shows, from a report with one row; null if it lacks a figure. */
export function ablationSpeed({ rows }: TimingReport): AblationSpeed | null {
  const { summary, peakMemoryBytes, runs } = rows[0]!;
  const timeToFirstTokenMs = summary.stages.firstToken.p50;
  const { tokensPerSecond } = summary.throughput;
  if (timeToFirstTokenMs === null || tokensPerSecond === null) return null;
  const { firstToken, tokensPerSecond: ofTokens } = summary.intervals;
  return {
    timeToFirstTokenMs,
    timeToFirstTokenInterval: firstToken,
    tokensPerSecond,
    tokensPerSecondInterval: ofTokens,
    peakMemoryBytes,
    modelMs: runs.map(modelMs),
  };
}
