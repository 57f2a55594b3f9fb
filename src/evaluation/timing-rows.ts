import { type Model, visualTokensOf } from '../model/model-folder.js';
import { publishedSpeed } from '../results/reports/published-speed.js';
import { pairedSpeedRatio, summarizeTimedRuns, type TimedSetting } from '../results/reports/timed-runs.js';
import type { TimingRow } from '../results/reports/timing-report.js';
import { isRandomModel } from './random-model.js';
import type { Timings } from './time-models.js';
import { TIMED_IMAGE } from './timed-model.js';

/**
 * Rows of a latency report: for each setting one row per model, leaving out combinations that never ran.
 * @param isPaper whether the settings are the paper's, so that its published speeds are comparable
 */
export function timingRows(
  models: readonly Model[],
  settings: readonly TimedSetting[],
  { runs, memory }: Pick<Timings, 'runs' | 'memory'>,
  isPaper: boolean,
): TimingRow[] {
  const published = models.map((model) => (isPaper ? publishedOf(model) : null));
  return settings.flatMap((setting, s) =>
    models.flatMap((model, m): TimingRow[] => {
      const { manifest, vision } = model;
      const own = runs[m]![s]!;
      if (own.length === 0) return [];
      return [
        {
          model: {
            name: manifest.name,
            resolution: vision.resolution,
            visualTokens: visualTokensOf(model, TIMED_IMAGE),
            precision: manifest.precision,
            randomWeights: isRandomModel(model),
          },
          setting,
          summary: summarizeTimedRuns(own, setting),
          peakMemoryBytes: memory[m]?.hostBytes ?? null,
          peakDeviceMemoryBytes: memory[m]?.deviceBytes ?? null,
          publishedTokensPerSecond: published[m]!,
          firstModelSpeed: m === 0 ? null : pairedSpeedRatio(runs[0]![s]!, own),
          publishedFirstModelSpeed: m > 0 && published[0] && published[m] ? published[0] / published[m] : null,
          runs: own,
        },
      ];
    }),
  );
}

function publishedOf({ manifest: { architecture }, vision }: Model): number | null {
  const { family, language } = architecture;
  return publishedSpeed({ family, hiddenSize: language.hiddenSize, resolution: vision.resolution });
}
