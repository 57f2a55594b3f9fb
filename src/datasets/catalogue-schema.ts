import type { SchemaObject } from 'ajv';
import type { FileSource } from '../fetch/download-file.js';
import {
  COUNT,
  hexDigits,
  mapOf,
  nullable,
  objectOf,
  POSITIVE,
  SHA256,
  TEXT,
  URL_TEXT,
} from '../shared/json-schema.js';

/** datasets.json: where benchmarks and checkpoints come from. */
export interface Catalogue {
  schemaVersion: 1;
  assets: Record<string, Asset>;
  benchmarks: BenchmarkEntry[];
  models: ModelEntry[];
}

/**
 * Confidence in an entry: `computed` from the file itself, `published` by its host or another project, `page` as shown
 * on a web page, `unverified` otherwise.
 */
export type Confidence = 'computed' | 'published' | 'page' | 'unverified';

/** A file to download. */
export interface Asset extends Omit<FileSource, 'headersFor'> {
  /** In order of preference; mirrors include a revision. Empty if it must be downloaded manually from `page`. */
  urls: string[];
  page?: string;
  confidence: Confidence;
  /** Source of size and hashes. */
  evidence: string;
  note?: string;
}

export interface BenchmarkEntry {
  /** Name shown by `llavahr list`. */
  name: string;
  licence: { text: string; confidence: Confidence; gated: boolean };
  splits: SplitEntry[];
}

export interface SplitEntry {
  name: string;
  files: SplitFile[];
  /** Sources of the images, all of them needed. */
  images: ImageSourceEntry[];
  /** Alternative source of the images. */
  mirror?: MirrorEntry;
  /** Files of a Hugging Face dataset, downloaded whole. */
  hub?: HubEntry;
}

/** Files of a Hugging Face dataset that are downloaded under their paths in it; their hashes are the hub's. */
export interface HubEntry {
  /** Names of the same repository, in order of preference. */
  repos: string[];
  revision: string;
  /** Regular expression for the paths of its files. */
  files: string;
  /** Approximate size of all files. */
  bytes?: number;
  confidence: Confidence;
  evidence: string;
}

/** Parquet files of a Hugging Face dataset with the images of a split. */
export interface MirrorEntry {
  /** Names of the same repository, in order of preference. */
  repos: string[];
  revision: string;
  /** Regular expression for the paths of its files. */
  files: string;
  /** Column that identifies a row's image, by the image's name or by the id of a question about it. */
  key: { column: string; of: 'image' | 'question' };
  /** Folder in the benchmark's folder. */
  to: string;
  /** Approximate size of all files. */
  bytes?: number;
  confidence: Confidence;
  evidence: string;
}

/** A file that the benchmark's loader reads. */
export interface SplitFile {
  /** Name in the benchmark's folder. */
  to: string;
  asset: string;
  /** Name in the asset, if that is an archive. */
  member?: string;
  bytes?: number;
  sha256?: string;
}

/** How to get images into a benchmark's folder. */
export type ImageSourceEntry =
  | {
      /** Members of an archive, of which only those in questions are needed. */
      kind: 'members';
      asset: string;
      /** Prefix of member names before the image's name. */
      prefix: string;
      /** Folder in the benchmark's folder. */
      to: string;
    }
  | {
      /** An archive that is downloaded completely and not unpacked. */
      kind: 'archive';
      asset: string;
      to: string;
    }
  | {
      /** One URL per image, from the benchmark's annotations. */
      kind: 'addresses';
      to: string;
    }
  | {
      /** Files that must be downloaded manually. */
      kind: 'manual';
      page: string;
      to: string;
      instructions: string;
    };

/** A checkpoint on the Hugging Face hub. */
export interface ModelEntry {
  name: string;
  repo: string;
  /** Commit; null for the newest. */
  revision: string | null;
  /** CLIP tower of a checkpoint that does not contain it. */
  clipTower?: { repo: string; revision: string | null };
  /** Approximate size of all required files. */
  bytes?: number;
  licence: string;
  confidence: Confidence;
  evidence: string;
}

const CONFIDENCE: SchemaObject = { enum: ['computed', 'published', 'page', 'unverified'] };
const NAME: SchemaObject = { type: 'string', pattern: '^[a-z0-9][a-z0-9.-]*$' };
/** Relative path with forward slashes that stays inside its folder. */
export const PATH: SchemaObject = {
  type: 'string',
  pattern: '^(?!\\.\\.?/)(?!.*/\\.\\.?(/|$))[^/\\\\\\x00][^\\\\\\x00]*$',
};

/** An object with these properties and no others. */
function closed<T>(required: Record<string, SchemaObject>, optional: Record<string, SchemaObject> = {}): SchemaObject {
  const { properties, ...schema } = objectOf<T>(required as Record<keyof T, SchemaObject>);
  return { ...schema, properties: { ...(properties as object), ...optional }, additionalProperties: false };
}

const asset = closed<Asset>(
  {
    urls: { type: 'array', items: URL_TEXT },
    format: { enum: ['zip', 'json', 'jsonl', 'parquet', 'other'] },
    confidence: CONFIDENCE,
    evidence: TEXT,
  },
  { page: URL_TEXT, bytes: POSITIVE, sha256: SHA256, md5: hexDigits(32), gitBlobSha1: hexDigits(40), note: TEXT },
);

const splitFile = closed<SplitFile>({ to: PATH, asset: NAME }, { member: PATH, bytes: COUNT, sha256: SHA256 });

const imageSource: SchemaObject = {
  oneOf: [
    closed({ kind: { const: 'members' }, asset: NAME, prefix: TEXT, to: PATH }),
    closed({ kind: { const: 'archive' }, asset: NAME, to: PATH }),
    closed({ kind: { const: 'addresses' }, to: PATH }),
    closed({ kind: { const: 'manual' }, page: URL_TEXT, to: PATH, instructions: TEXT }),
  ],
};

const COMMIT: SchemaObject = { type: 'string', pattern: '^[0-9a-f]{7,40}$' };
const repo: SchemaObject = { type: 'string', pattern: '^[\\w.-]+/[\\w.-]+$' };

const mirror = closed<MirrorEntry>(
  {
    repos: { type: 'array', minItems: 1, items: repo },
    revision: COMMIT,
    files: TEXT,
    key: closed({ column: TEXT, of: { enum: ['image', 'question'] } }),
    to: PATH,
    confidence: CONFIDENCE,
    evidence: TEXT,
  },
  { bytes: POSITIVE },
);

const hub = closed<HubEntry>(
  {
    repos: { type: 'array', minItems: 1, items: repo },
    revision: COMMIT,
    files: TEXT,
    confidence: CONFIDENCE,
    evidence: TEXT,
  },
  { bytes: POSITIVE },
);

const split = closed<SplitEntry>(
  {
    name: NAME,
    files: { type: 'array', items: splitFile },
    images: { type: 'array', items: imageSource },
  },
  { mirror, hub },
);

const benchmark = closed<BenchmarkEntry>({
  name: NAME,
  licence: closed({ text: TEXT, confidence: CONFIDENCE, gated: { type: 'boolean' } }),
  splits: { type: 'array', minItems: 1, items: split },
});

/** Used as a file name in the Hugging Face cache. */
const revision: SchemaObject = nullable(COMMIT);

const model = closed<ModelEntry>(
  { name: NAME, repo, revision, licence: TEXT, confidence: CONFIDENCE, evidence: TEXT },
  { clipTower: closed({ repo, revision }), bytes: POSITIVE },
);

export const CATALOGUE_SCHEMA: SchemaObject = closed<Catalogue>({
  schemaVersion: { const: 1 },
  assets: mapOf(asset),
  benchmarks: { type: 'array', items: benchmark },
  models: { type: 'array', items: model },
});
