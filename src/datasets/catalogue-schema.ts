import type { SchemaObject } from 'ajv';
import type { FileFormat } from '../fetch/download-file.js';
import { COUNT, mapOf, nullable, objectOf, POSITIVE, SHA256, TEXT } from '../shared/json-schema.js';

/** datasets.json: where benchmarks and checkpoints come from. */
export interface Catalogue {
  schemaVersion: 1;
  assets: Record<string, Asset>;
  benchmarks: BenchmarkEntry[];
  models: ModelEntry[];
}

/**
 * How sure an entry is: `computed` from the file itself, `published` by its host or another project, `page` read off a
 * page, `unverified` from memory or inferred.
 */
export type Confidence = 'computed' | 'published' | 'page' | 'unverified';

/** A file of the web. */
export interface Asset {
  /** In order of preference; mirrors with their revision. Empty where a person has to fetch it from `page`. */
  urls: string[];
  page?: string;
  format: FileFormat;
  bytes?: number;
  sha256?: string;
  md5?: string;
  gitBlobSha1?: string;
  confidence: Confidence;
  /** Where size and hashes are from. */
  evidence: string;
  note?: string;
}

export interface BenchmarkEntry {
  /** As in `llavahr list`. */
  name: string;
  licence: { text: string; confidence: Confidence; gated: boolean };
  splits: SplitEntry[];
}

export interface SplitEntry {
  name: string;
  files: SplitFile[];
  /** Where the images come from; all of these are needed. */
  images: ImageSourceEntry[];
  /** Another source of the images. */
  mirror?: MirrorEntry;
}

/** Parquet files of a Hugging Face data set that have the images of a split. */
export interface MirrorEntry {
  /** The same repository under its names, in order of preference. */
  repos: string[];
  revision: string;
  /** What the paths of its files match. */
  files: string;
  /** How a row tells its image: by a column with the image's name, or with the id of a question about it. */
  key: { column: string; of: 'image' | 'question' };
  /** Folder in the benchmark's folder. */
  to: string;
  /** Of all files, about. */
  bytes?: number;
  confidence: Confidence;
  evidence: string;
}

/** A file that the benchmark's loader reads. */
export interface SplitFile {
  /** Name in the benchmark's folder. */
  to: string;
  asset: string;
  /** In the asset, when that is an archive. */
  member?: string;
  bytes?: number;
  sha256?: string;
}

/** How images come into a benchmark's folder. */
export type ImageSourceEntry =
  | {
      /** Members of an archive, of which only those that are asked about are needed. */
      kind: 'members';
      asset: string;
      /** What member names begin with before the image's name. */
      prefix: string;
      /** Folder in the benchmark's folder. */
      to: string;
    }
  | {
      /** An archive that is needed whole and stays packed. */
      kind: 'archive';
      asset: string;
      to: string;
    }
  | {
      /** One address per image, which the benchmark's annotations hold. */
      kind: 'addresses';
      to: string;
    }
  | {
      /** What a person has to fetch. */
      kind: 'manual';
      page: string;
      to: string;
      instructions: string;
    };

/** A checkpoint on the Hugging Face hub. */
export interface ModelEntry {
  name: string;
  repo: string;
  /** Commit; null where none is known, which takes the newest. */
  revision: string | null;
  /** CLIP tower of a checkpoint that does not hold it. */
  clipTower?: { repo: string; revision: string | null };
  /** Of all files that are needed, about. */
  bytes?: number;
  licence: string;
  confidence: Confidence;
  evidence: string;
}

const CONFIDENCE: SchemaObject = { enum: ['computed', 'published', 'page', 'unverified'] };
const NAME: SchemaObject = { type: 'string', pattern: '^[a-z0-9][a-z0-9.-]*$' };
const URL: SchemaObject = { type: 'string', pattern: '^https?://[^\\s]+$' };
/** Below a folder, with forward slashes and no way out. */
const PATH: SchemaObject = { type: 'string', pattern: '^(?!\\.\\.?/)(?!.*/\\.\\.?(/|$))[^/\\\\\\x00][^\\\\\\x00]*$' };
const HEX = (digits: number): SchemaObject => ({ type: 'string', pattern: `^[0-9a-f]{${digits}}$` });

/** An object with these properties and no others. */
function closed<T>(required: Record<string, SchemaObject>, optional: Record<string, SchemaObject> = {}): SchemaObject {
  const { properties, ...schema } = objectOf<T>(required as Record<keyof T, SchemaObject>);
  return { ...schema, properties: { ...(properties as object), ...optional }, additionalProperties: false };
}

const asset = closed<Asset>(
  {
    urls: { type: 'array', items: URL },
    format: { enum: ['zip', 'json', 'jsonl', 'parquet', 'other'] },
    confidence: CONFIDENCE,
    evidence: TEXT,
  },
  { page: URL, bytes: POSITIVE, sha256: SHA256, md5: HEX(32), gitBlobSha1: HEX(40), note: TEXT },
);

const splitFile = closed<SplitFile>({ to: PATH, asset: NAME }, { member: PATH, bytes: COUNT, sha256: SHA256 });

const imageSource: SchemaObject = {
  oneOf: [
    closed({ kind: { const: 'members' }, asset: NAME, prefix: TEXT, to: PATH }),
    closed({ kind: { const: 'archive' }, asset: NAME, to: PATH }),
    closed({ kind: { const: 'addresses' }, to: PATH }),
    closed({ kind: { const: 'manual' }, page: URL, to: PATH, instructions: TEXT }),
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

const split = closed<SplitEntry>(
  {
    name: NAME,
    files: { type: 'array', minItems: 1, items: splitFile },
    images: { type: 'array', minItems: 1, items: imageSource },
  },
  { mirror },
);

const benchmark = closed<BenchmarkEntry>({
  name: NAME,
  licence: closed({ text: TEXT, confidence: CONFIDENCE, gated: { type: 'boolean' } }),
  splits: { type: 'array', minItems: 1, items: split },
});

/** It becomes the name of a file in the Hugging Face cache. */
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
