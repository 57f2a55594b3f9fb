import { createHash } from 'node:crypto';
import { canonicalJson } from '../../shared/canonical-json.js';

/** An option's value in JSON. */
export type OptionValue = string | number | boolean | null;

const SHOWN_CHARACTERS = 80;

/** An option's value for people: "none" without one, and the beginning of a long one. */
export function optionText(value: OptionValue): string {
  const text = String(value ?? 'none');
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

/**
 * Everything that determines a run's answers and scores, and nothing else: no batch size, no paths. A run is resumed only by
 * a run of equal identity.
 */
export interface RunIdentity {
  benchmark: string;
  split: string;
  /** Options that change prompts, scores or the set of questions, such as ocrTokens and limit. `loadAsked` repeats them. */
  protocol: Record<string, OptionValue>;
  /** sha256 of the annotation files by name. */
  dataFiles: Record<string, string>;
  model: ModelIdentity;
  device: string;
  maxNewTokens: number;
  /** null for a server, which prepares images itself. */
  preprocessingVersion: number | null;
  /** Decoding method, and the conversation template unless it is the official scripts' `vicuna_v1`. */
  generation: Record<string, OptionValue>;
  /** What the server of a served model says about itself, and what it was asked for. */
  server?: Record<string, OptionValue>;
  /** Absent if all questions are asked. */
  shard?: Shard;
}

/** A part of a run's questions, answered by a separate process on any machine. */
export interface Shard {
  /** 1 to `count`. */
  index: number;
  count: number;
}

export interface ModelIdentity {
  name: string;
  family: string;
  /** Side of the square input in pixels; null for a served model, whose server does not say. */
  resolution: number | null;
  precision: string;
  /** Hash of weights, architecture and tokenizer. For a served model that of `server`: all that is known of these. */
  weightsHash: string;
  /** Version of the exported graphs: other graphs may give other answers with the same weights. null for a served model. */
  graphVersion: number | null;
}

/** Input of the hash in `answer_id`. It covers the image's bytes, since a file name does not identify them. */
export interface SampleIdentity {
  weightsHash: string;
  resolution: number | null;
  prompt: string;
  /** Null for a question without an image. */
  imageSha256: string | null;
  maxNewTokens: number;
  generation: Record<string, OptionValue>;
  preprocessingVersion: number | null;
}

/** A field in which two identities differ, given as a path such as `model.resolution`. */
export interface Difference {
  field: string;
  first: OptionValue;
  second: OptionValue;
}

/**
 * The folder name of a run: readable, and determined by the identity. Example: textvqa-llava-hr-7b-1024-0f3a9c1e, and
 * textvqa-llava-hr-7b-1024-0f3a9c1e-shard-2-of-8 for a shard of it.
 */
export function runFolderName({ shard, ...whole }: RunIdentity): string {
  const { benchmark, model } = whole;
  const hash = sha256(whole).toString('hex').slice(0, 8);
  const size = model.resolution === null ? [] : [model.resolution];
  const name = [benchmark, model.name, ...size, hash].map(safeName).join('-');
  return shard ? `${name}-shard-${shard.index}-of-${shard.count}` : name;
}

/** 22 characters, the length of the random ids in LLaVA's own answer files. */
export function answerId(sample: SampleIdentity): string {
  return sha256(sample).toString('base64url').slice(0, 22);
}

/** The fields in which two identities differ, in alphabetical order; null for a field that one of them lacks. */
export function differences(first: RunIdentity, second: RunIdentity): Difference[] {
  const [a, b] = [leaves(first), leaves(second)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .sort()
    .map((field) => ({ field, first: a.get(field) ?? null, second: b.get(field) ?? null }))
    .filter(({ first, second }) => first !== second);
}

function sha256(value: object): Buffer {
  return createHash('sha256').update(canonicalJson(value)).digest();
}

function leaves(value: object, prefix = ''): Map<string, OptionValue> {
  return new Map(
    Object.entries(value).flatMap(([key, entry]: [string, unknown]) =>
      isObject(entry) ? [...leaves(entry, `${prefix}${key}.`)] : [[`${prefix}${key}`, entry as OptionValue] as const],
    ),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Makes a name safe for paths and shells: model names come from untrusted checkpoints. */
function safeName(name: string | number): string {
  const safe = String(name)
    .replace(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^[-.]+|-+$/g, '');
  return safe.slice(0, 80) || 'unnamed';
}
