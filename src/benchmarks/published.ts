import type { Protocol } from './benchmark.js';

/**
 * Numbers that others published about LLaVA-1.5 and LLaVA-HR on these benchmarks, for tables that set them beside what
 * was measured here. Only numbers whose source was read; where sources disagree each has its own.
 */

/** Where numbers stand. */
export interface PublishedSource {
  title: string;
  /** Of the revision that was read. */
  address: string;
}

export interface PublishedScore {
  model: string;
  /** Side of the square input image in pixels. */
  resolution: number;
  /** Name in the registry. */
  benchmark: PublishedBenchmark;
  split: string;
  /** The benchmark's headline: percent, or points for MME. */
  score: number;
  source: PublishedSource;
  /** How it was measured. */
  protocol: PublishedProtocol;
  /** What a reader must know before comparing; null when nothing. */
  note: string | null;
}

/** What decides whether a measured score can be set beside a published one. */
export interface PublishedProtocol {
  name: Protocol;
  /** TextVQA: prompts with reference OCR tokens. */
  ocrTokens: boolean;
}

const LLAVA: PublishedProtocol = { name: 'llava', ocrTokens: true };
const LMMS: PublishedProtocol = { name: 'lmms-eval', ocrTokens: false };

/** Published names of checkpoints, by the names of datasets.json and of their repositories. */
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

/** What publications call a checkpoint; null for one that they do not know. */
export function publishedModel(checkpoint: string): string | null {
  return Object.hasOwn(CHECKPOINTS, checkpoint) ? CHECKPOINTS[checkpoint]! : null;
}

/** Columns of the tables below. */
const COLUMNS = [
  ...(['vqav2', 'gqa', 'okvqa', 'ocrvqa', 'scienceqa', 'vizwiz', 'textvqa'] as const),
  ...(['mme', 'pope', 'seed', 'mmvet'] as const),
];
export type PublishedBenchmark = (typeof COLUMNS)[number];

/** Published numbers on a benchmark. A model has several where several sources print one; the first is the one to quote. */
export function publishedScores(benchmark: string): PublishedScore[] {
  return TABLES.flatMap(readTable).filter((published) => published.benchmark === benchmark);
}

/** A source's table. */
interface PublishedTable {
  source: PublishedSource;
  protocol: PublishedProtocol;
  splits: Record<PublishedBenchmark, string>;
  notes: Partial<Record<PublishedBenchmark, string>>;
  /** Model, resolution, and a score per column; null where the source has none. */
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

/** Splits of LLaVA's evaluation scripts, which LLaVA-HR shares. Source: LLaVA-HR paper, 5.1; LLaVA docs/Evaluation.md */
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
  scienceqa: 'questions with an image (IMG)',
  textvqa: 'with reference OCR tokens in the prompts',
  mme: 'perception',
  seed: 'images and videos',
  mmvet: 'scored by GPT-4: the same answers scored another day differ by points',
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

/** The paper's rows of LLaVA-1.5, which it quotes. */
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

const BEFORE_FIX = "images were not padded to a square, which LLaVA-HR's commit 6fe0c7a of April 2024 corrected";

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

/** The only numbers of LLaVA-1.5 on OK-VQA. Its SEED-Bench column is left out: it is unclear which questions it is over. */
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
    pope: `${BY_LMMS_EVAL}: 9,000 questions, pooled`,
  },
  rows: [
    ['LLaVA-1.5-7B', 336, [76.64, 61.97, 53.44, null, 70.43, 54.39, 46.07, null, 85.87, null, null]],
    ['LLaVA-1.5-13B', 336, [78.26, 63.24, 58.22, null, 72.88, 56.65, 48.73, null, 85.92, null, null]],
  ],
};

/** LLaVA's own numbers stand before those that others quote, LLaVA-HR's corrected ones before its paper's. */
const TABLES: readonly PublishedTable[] = [MODEL_ZOO, README, PAPER_LLAVA, PAPER_LLAVA_HR, LMMS_EVAL];
