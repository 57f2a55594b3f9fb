import type { PublishedProtocol, PublishedScore, PublishedSource } from './benchmark.js';

/**
 * Published results of LLaVA-1.5 and LLaVA-HR on these benchmarks, for comparison with measured ones. Every number was
 * checked against its source; where sources disagree, each has its own entry.
 */

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

type PublishedBenchmark = keyof typeof LLAVA_SPLITS;

/** Published scores on one of the paper's benchmarks. A model may have several from different sources; quote the first. */
export function publishedScores(benchmark: string): PublishedScore[] {
  return TABLES.flatMap(readTable).filter((published) => published.benchmark === benchmark);
}

/** A source's table. */
interface PublishedTable {
  source: PublishedSource;
  protocol: PublishedProtocol;
  splits: Record<PublishedBenchmark, string>;
  notes: Partial<Record<PublishedBenchmark, string>>;
  /** A model's scores; without benchmarks that the source has no number for. */
  rows: readonly { model: string; resolution: number; scores: Partial<Record<PublishedBenchmark, number>> }[];
}

function readTable({ source, protocol, splits, notes, rows }: PublishedTable): PublishedScore[] {
  return rows.flatMap(({ model, resolution, scores }) =>
    (Object.entries(scores) as [PublishedBenchmark, number][]).map(([benchmark, score]) => ({
      model,
      resolution,
      benchmark,
      split: splits[benchmark],
      score,
      source,
      protocol,
      note: notes[benchmark] ?? null,
    })),
  );
}

/** Splits used by LLaVA's evaluation scripts and by LLaVA-HR. Source: LLaVA-HR paper, 5.1; LLaVA docs/Evaluation.md */
const LLAVA_SPLITS = {
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
    {
      model: 'LLaVA-1.5-7B',
      resolution: 336,
      scores: {
        vqav2: 78.5,
        gqa: 62.0,
        scienceqa: 66.8,
        vizwiz: 50.0,
        textvqa: 58.2,
        mme: 1510.7,
        pope: 85.9,
        seed: 58.6,
        mmvet: 31.1,
      },
    },
    {
      model: 'LLaVA-1.5-13B',
      resolution: 336,
      scores: {
        vqav2: 80.0,
        gqa: 63.3,
        scienceqa: 71.6,
        vizwiz: 53.6,
        textvqa: 61.3,
        mme: 1531.3,
        pope: 85.9,
        seed: 61.6,
        mmvet: 36.1,
      },
    },
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
    {
      model: 'LLaVA-1.5-13B',
      resolution: 336,
      scores: {
        vqav2: 80.0,
        gqa: 63.3,
        scienceqa: 71.6,
        vizwiz: 53.6,
        textvqa: 61.3,
        mme: 1531.3,
        pope: 85.9,
        seed: 61.6,
        mmvet: 35.4,
      },
    },
    {
      model: 'LLaVA-HR-7B',
      resolution: 1024,
      scores: {
        vqav2: 81.9,
        gqa: 64.2,
        okvqa: 58.9,
        ocrvqa: 68.4,
        scienceqa: 67.9,
        vizwiz: 48.7,
        textvqa: 67.1,
        mme: 1554.9,
        pope: 87.6,
        seed: 64.2,
        mmvet: 31.5,
      },
    },
    {
      model: 'LLaVA-HR-X-13B',
      resolution: 1024,
      scores: {
        vqav2: 82.6,
        gqa: 65.2,
        okvqa: 61.5,
        ocrvqa: 69.0,
        scienceqa: 69.7,
        vizwiz: 56.6,
        textvqa: 70.9,
        mme: 1487.3,
        pope: 88.0,
        seed: 65.3,
        mmvet: 40.3,
      },
    },
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
    {
      model: 'LLaVA-1.5-7B',
      resolution: 336,
      scores: {
        vqav2: 78.5,
        gqa: 62.0,
        scienceqa: 66.8,
        vizwiz: 50.0,
        textvqa: 58.2,
        mme: 1510.7,
        pope: 85.9,
        seed: 58.6,
        mmvet: 30.5,
      },
    },
    {
      model: 'LLaVA-1.5-13B',
      resolution: 336,
      scores: {
        vqav2: 80.0,
        gqa: 63.3,
        scienceqa: 71.6,
        vizwiz: 53.6,
        textvqa: 61.3,
        mme: 1531.3,
        pope: 85.9,
        seed: 61.6,
        mmvet: 35.4,
      },
    },
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
    {
      model: 'LLaVA-HR-7B',
      resolution: 1024,
      scores: {
        vqav2: 81.9,
        gqa: 64.2,
        okvqa: 58.9,
        ocrvqa: 68.4,
        scienceqa: 65.1,
        vizwiz: 48.7,
        textvqa: 67.1,
        mme: 1554.9,
        pope: 87.6,
        seed: 64.2,
        mmvet: 31.2,
      },
    },
    {
      model: 'LLaVA-HR-13B',
      resolution: 1024,
      scores: {
        vqav2: 82.3,
        gqa: 64.8,
        okvqa: 60.7,
        ocrvqa: 67.7,
        scienceqa: 68.1,
        vizwiz: 57.9,
        textvqa: 68.1,
        mme: 1540.9,
        pope: 87.8,
        seed: 64.5,
        mmvet: 34.8,
      },
    },
    {
      model: 'LLaVA-HR-X-13B',
      resolution: 1024,
      scores: {
        vqav2: 82.6,
        gqa: 65.2,
        okvqa: 61.5,
        ocrvqa: 69.0,
        scienceqa: 68.0,
        vizwiz: 56.6,
        textvqa: 70.9,
        mme: 1487.3,
        pope: 88.0,
        seed: 65.3,
        mmvet: 35.5,
      },
    },
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
    {
      model: 'LLaVA-1.5-7B',
      resolution: 336,
      scores: { vqav2: 76.64, gqa: 61.97, okvqa: 53.44, scienceqa: 70.43, vizwiz: 54.39, textvqa: 46.07, pope: 85.87 },
    },
    {
      model: 'LLaVA-1.5-13B',
      resolution: 336,
      scores: { vqav2: 78.26, gqa: 63.24, okvqa: 58.22, scienceqa: 72.88, vizwiz: 56.65, textvqa: 48.73, pope: 85.92 },
    },
  ],
};

/** In order of preference: LLaVA's own numbers before quoted ones, LLaVA-HR's corrected ones before its paper's. */
const TABLES: readonly PublishedTable[] = [MODEL_ZOO, README, PAPER_LLAVA, PAPER_LLAVA_HR, LMMS_EVAL];
