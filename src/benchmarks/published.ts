import type { Protocol } from './benchmark.js';

/**
 * Published results of LLaVA-1.5 and LLaVA-HR on these benchmarks, for comparison with measured ones. Every number was
 * checked against its source; where sources disagree, each has its own entry.
 */

/** Where numbers were published. */
export interface PublishedSource {
  title: string;
  /** URL of the revision the numbers were taken from. */
  address: string;
}

export interface PublishedScore {
  model: string;
  /** Side of the square input image in pixels. */
  resolution: number;
  /** The benchmark's name. */
  benchmark: PublishedBenchmark;
  split: string;
  /** The benchmark's headline: percent, or points for MME. */
  score: number;
  source: PublishedSource;
  /** How the score was measured. */
  protocol: PublishedProtocol;
  /** Caveat for comparisons; null if there is none. */
  note: string | null;
}

/** Settings that must match for a measured score to be comparable with a published one. */
export interface PublishedProtocol {
  name: Protocol;
  /** TextVQA: prompts with reference OCR tokens. */
  ocrTokens: boolean;
}

const LLAVA: PublishedProtocol = { name: 'llava', ocrTokens: true };
const LMMS: PublishedProtocol = { name: 'lmms-eval', ocrTokens: false };

/** Published model names, by checkpoint names in datasets.json and by repository names. */
const CHECKPOINTS: Readonly<Record<string, string>> = {
  'llava-1.5-7b': 'LLaVA-1.5-7B',
  'llava-v1.5-7b': 'LLaVA-1.5-7B',
  'llava-1.5-13b': 'LLaVA-1.5-13B',
  'llava-v1.5-13b': 'LLaVA-1.5-13B',
  'llava-hr-7b': 'LLaVA-HR-7B',
  'llava-hr-7b-sft-1024': 'LLaVA-HR-7B',
  'llava-hr-13b-x': 'LLaVA-HR-X-13B',
  'llava-hr-13b-x-sft-1024': 'LLaVA-HR-X-13B',
};

/** The name of a checkpoint's model in publications; null if unpublished. */
export function publishedModel(checkpoint: string): string | null {
  return Object.hasOwn(CHECKPOINTS, checkpoint) ? CHECKPOINTS[checkpoint]! : null;
}

/** Columns of the tables below. */
const COLUMNS = [
  ...(['vqav2', 'gqa', 'okvqa', 'ocrvqa', 'scienceqa', 'vizwiz', 'textvqa'] as const),
  ...(['mme', 'pope', 'seed', 'mmvet'] as const),
];
export type PublishedBenchmark = (typeof COLUMNS)[number];

/** Published scores on a benchmark. A model may have several from different sources; quote the first. */
export function publishedScores(benchmark: string): PublishedScore[] {
  return TABLES.flatMap(readTable).filter((published) => published.benchmark === benchmark);
}

/** A source's table. */
interface PublishedTable {
  source: PublishedSource;
  protocol: PublishedProtocol;
  splits: Record<PublishedBenchmark, string>;
  notes: Partial<Record<PublishedBenchmark, string>>;
  /** Model, resolution, and a score per column; null where the source gives none. */
  rows: readonly [string, number, readonly (number | null)[]][];
}

function readTable({ source, protocol, splits, notes, rows }: PublishedTable): PublishedScore[] {
  return rows.flatMap(([model, resolution, scores]) =>
    COLUMNS.flatMap((benchmark, column) => {
      const score = scores[column] ?? null;
      const about = { model, resolution, benchmark, split: splits[benchmark], source, protocol };
      return score === null ? [] : [{ ...about, score, note: notes[benchmark] ?? null }];
    }),
  );
}

/** Splits used by LLaVA's evaluation scripts and by LLaVA-HR. Source: LLaVA-HR paper, 5.1; LLaVA docs/Evaluation.md */
const LLAVA_SPLITS: Record<PublishedBenchmark, string> = {
  vqav2: 'test-dev',
  gqa: 'testdev-balanced',
  okvqa: 'val2014',
  ocrvqa: 'test',
  scienceqa: 'test',
  vizwiz: 'test',
  textvqa: 'val',
  mme: 'test',
  pope: 'test',
  seed: 'all',
  mmvet: 'test',
};

const LLAVA_NOTES = {
  scienceqa: 'only questions with an image (IMG)',
  textvqa: 'with reference OCR tokens in the prompts',
  mme: 'perception',
  seed: 'images and videos',
  mmvet: 'graded by GPT-4; grading the same answers again can change the score by points',
};

const MODEL_ZOO: PublishedTable = {
  source: {
    title: 'LLaVA model zoo',
    address: 'https://github.com/haotian-liu/LLaVA/blob/c121f0432da27facab705978f83c4ada465e46fd/docs/MODEL_ZOO.md',
  },
  protocol: LLAVA,
  splits: LLAVA_SPLITS,
  notes: LLAVA_NOTES,
  rows: [
    ['LLaVA-1.5-7B', 336, [78.5, 62.0, null, null, 66.8, 50.0, 58.2, 1510.7, 85.9, 58.6, 31.1]],
    ['LLaVA-1.5-13B', 336, [80.0, 63.3, null, null, 71.6, 53.6, 61.3, 1531.3, 85.9, 61.6, 36.1]],
  ],
};

const README: PublishedTable = {
  source: {
    title: 'LLaVA-HR README',
    address: 'https://github.com/luogen1996/LLaVA-HR/blob/1212ffbb0772c7c97fd3ce625e53fee6e6676536/README.md',
  },
  protocol: LLAVA,
  splits: LLAVA_SPLITS,
  notes: LLAVA_NOTES,
  rows: [
    ['LLaVA-1.5-13B', 336, [80.0, 63.3, null, null, 71.6, 53.6, 61.3, 1531.3, 85.9, 61.6, 35.4]],
    ['LLaVA-HR-7B', 1024, [81.9, 64.2, 58.9, 68.4, 67.9, 48.7, 67.1, 1554.9, 87.6, 64.2, 31.5]],
    ['LLaVA-HR-X-13B', 1024, [82.6, 65.2, 61.5, 69.0, 69.7, 56.6, 70.9, 1487.3, 88.0, 65.3, 40.3]],
  ],
};

const PAPER = { title: 'LLaVA-HR paper, version 1, tables 4 and 5', address: 'https://arxiv.org/abs/2403.03003v1' };

/** LLaVA-1.5 results that the LLaVA-HR paper quotes. */
const PAPER_LLAVA: PublishedTable = {
  source: PAPER,
  protocol: LLAVA,
  splits: LLAVA_SPLITS,
  notes: LLAVA_NOTES,
  rows: [
    ['LLaVA-1.5-7B', 336, [78.5, 62.0, null, null, 66.8, 50.0, 58.2, 1510.7, 85.9, 58.6, 30.5]],
    ['LLaVA-1.5-13B', 336, [80.0, 63.3, null, null, 71.6, 53.6, 61.3, 1531.3, 85.9, 61.6, 35.4]],
  ],
};

const BEFORE_FIX = 'images were not padded to a square (fixed in LLaVA-HR commit 6fe0c7a, April 2024)';

const PAPER_LLAVA_HR: PublishedTable = {
  source: PAPER,
  protocol: LLAVA,
  splits: LLAVA_SPLITS,
  notes: {
    ...LLAVA_NOTES,
    scienceqa: `${LLAVA_NOTES.scienceqa}; ${BEFORE_FIX}`,
    mmvet: `${LLAVA_NOTES.mmvet}; ${BEFORE_FIX}`,
  },
  rows: [
    ['LLaVA-HR-7B', 1024, [81.9, 64.2, 58.9, 68.4, 65.1, 48.7, 67.1, 1554.9, 87.6, 64.2, 31.2]],
    ['LLaVA-HR-13B', 1024, [82.3, 64.8, 60.7, 67.7, 68.1, 57.9, 68.1, 1540.9, 87.8, 64.5, 34.8]],
    ['LLaVA-HR-X-13B', 1024, [82.6, 65.2, 61.5, 69.0, 68.0, 56.6, 70.9, 1487.3, 88.0, 65.3, 35.5]],
  ],
};

const BY_LMMS_EVAL = 'measured with lmms-eval, whose prompts and scorers differ';

/** The only LLaVA-1.5 results on OK-VQA. Excludes the SEED-Bench column, since it is unclear which questions it covers. */
const LMMS_EVAL: PublishedTable = {
  source: { title: 'LMMs-Eval paper, version 2, table 27', address: 'https://arxiv.org/abs/2407.12772v2' },
  protocol: LMMS,
  splits: { ...LLAVA_SPLITS, vqav2: 'val', vizwiz: 'val' },
  notes: {
    vqav2: BY_LMMS_EVAL,
    gqa: BY_LMMS_EVAL,
    okvqa: BY_LMMS_EVAL,
    scienceqa: `${LLAVA_NOTES.scienceqa}; ${BY_LMMS_EVAL}`,
    vizwiz: BY_LMMS_EVAL,
    textvqa: `${BY_LMMS_EVAL}: without reference OCR tokens by default`,
    pope: `${BY_LMMS_EVAL}: pooled over 9,000 questions`,
  },
  rows: [
    ['LLaVA-1.5-7B', 336, [76.64, 61.97, 53.44, null, 70.43, 54.39, 46.07, null, 85.87, null, null]],
    ['LLaVA-1.5-13B', 336, [78.26, 63.24, 58.22, null, 72.88, 56.65, 48.73, null, 85.92, null, null]],
  ],
};

/** In order of preference: LLaVA's own numbers before quoted ones, LLaVA-HR's corrected ones before its paper's. */
const TABLES: readonly PublishedTable[] = [MODEL_ZOO, README, PAPER_LLAVA, PAPER_LLAVA_HR, LMMS_EVAL];
