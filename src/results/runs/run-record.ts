import { max } from 'simple-statistics';
import { jsonFile } from '../../shared/json-file.js';
import { AMOUNT, mapOf, nullable, objectOf, POSITIVE, SHA256, TEXT } from '../../shared/json-schema.js';
import type { Host, Software } from './host.js';
import type { EnergyUse, PartUse, TokenPrices } from './latency.js';
import type { ModelIdentity, OptionValue, RunIdentity, Shard } from './run-identity.js';

/** run.json: everything needed to repeat a run, and its progress. */
export interface RunRecord {
  schemaVersion: 1;
  /** Also `running` after a crash; only the lock tells the difference. `complete` is written after all other files. */
  state: 'running' | 'interrupted' | 'complete';
  createdAt: string; // ISO 8601, UTC
  finishedAt: string | null;
  identity: RunIdentity;
  /** One per process that worked on the run: the first, then one for each time it was resumed. */
  sessions: Session[];
}

export interface Session {
  startedAt: string; // ISO 8601, UTC
  /** The command line, without secrets. */
  argv: string[];
  /** Effective options that do not change answers, such as batch size and threads. */
  settings: Record<string, OptionValue>;
  /** Hash over the names and sizes of the benchmark's images; absent where it is not known. */
  images?: string;
  software: Software;
  host: Host;
  /** Time spent after the model was loaded. */
  activeSeconds: number;
  /** Summed over all its processes. */
  peakMemoryBytes: number;
  /** Absent where it is not measured. */
  energy?: SessionEnergy;
}

/** Energy of the whole processors and GPUs during a session, with all else that ran there. */
export interface SessionEnergy {
  /** Questions that were answered, or failed, meanwhile. */
  questions: number;
  cpuJoules?: number;
  gpuJoules?: number;
}

const options = mapOf({ type: ['string', 'number', 'boolean', 'null'] });

const wholeIdentity = objectOf<Omit<RunIdentity, 'shard' | 'server'>>({
  benchmark: TEXT,
  split: TEXT,
  protocol: options,
  dataFiles: mapOf(SHA256),
  model: objectOf<ModelIdentity>({
    name: TEXT,
    family: TEXT,
    resolution: nullable(POSITIVE),
    precision: TEXT,
    weightsHash: TEXT,
    graphVersion: nullable(POSITIVE),
  }),
  device: TEXT,
  maxNewTokens: POSITIVE,
  preprocessingVersion: nullable(POSITIVE),
  generation: options,
});
/** Schema of a `RunIdentity`. */
const identitySchema = {
  ...wholeIdentity,
  properties: {
    ...wholeIdentity['properties'],
    server: options,
    shard: objectOf<Shard>({ index: POSITIVE, count: POSITIVE }),
  },
};

const ownSession = objectOf<Omit<Session, 'images' | 'energy'>>({
  startedAt: TEXT,
  argv: { type: 'array', items: TEXT },
  settings: options,
  software: objectOf<Software>({ llavahr: TEXT, node: TEXT, onnxruntime: nullable(TEXT), sharp: nullable(TEXT) }),
  host: objectOf<Host>({ platform: TEXT, release: TEXT, cpu: nullable(TEXT), cores: POSITIVE, memoryBytes: AMOUNT }),
  activeSeconds: AMOUNT,
  peakMemoryBytes: AMOUNT,
});

const energy = {
  ...objectOf<Pick<SessionEnergy, 'questions'>>({ questions: POSITIVE }),
  properties: { questions: POSITIVE, cpuJoules: AMOUNT, gpuJoules: AMOUNT },
};
const session = { ...ownSession, properties: { ...ownSession['properties'], images: SHA256, energy } };

const schema = objectOf<RunRecord>({
  schemaVersion: { const: 1 },
  state: { enum: ['running', 'interrupted', 'complete'] },
  createdAt: TEXT,
  finishedAt: nullable(TEXT),
  identity: identitySchema,
  sessions: { type: 'array', minItems: 1, items: session },
});

export const runFile = jsonFile<RunRecord>('run.json', schema);

/** Setting of a session: the input size in pixels that the model was trained at. */
export const TRAINED_RESOLUTION = 'trainedResolution';

/** The input size in pixels that the run's model was trained at; null in folders of versions that did not record it. */
export function trainedResolution({ sessions }: RunRecord): number | null {
  const size = sessions.map(({ settings }) => settings[TRAINED_RESOLUTION]).find((value) => typeof value === 'number');
  return size ?? null;
}

/** Time spent on the run, summed over its sessions. */
export function activeSeconds(record: RunRecord): number {
  return record.sessions.reduce((sum, session) => sum + session.activeSeconds, 0);
}

/** Time spent on the run, with each session multiplied by its number of devices. */
export function workerSeconds({ sessions }: RunRecord): number {
  return sessions.reduce(
    (sum, { activeSeconds, settings }) => sum + activeSeconds * Number(settings['workers'] ?? 1),
    0,
  );
}

/** Energy and power over the sessions in which they were measured; undefined without any. */
export function energyOf({ sessions }: RunRecord): EnergyUse | undefined {
  const use = (of: 'cpuJoules' | 'gpuJoules'): PartUse | null => {
    const measured = sessions.filter(({ energy }) => energy?.[of] !== undefined);
    const total = (amount: (session: Session) => number): number => measured.reduce((sum, one) => sum + amount(one), 0);
    const [joules, questions] = [total(({ energy }) => energy![of]!), total(({ energy }) => energy!.questions)];
    const seconds = total(({ activeSeconds: active }) => active);
    return seconds > 0 ? { joulesPerQuestion: joules / questions, watts: joules / seconds } : null;
  };
  const [cpu, gpu] = [use('cpuJoules'), use('gpuJoules')];
  return cpu || gpu ? { cpu, gpu } : undefined;
}

/** Peak memory over all sessions. */
export function peakMemoryBytes(record: RunRecord): number {
  return max(record.sessions.map((session) => session.peakMemoryBytes));
}

/** What the user said that a server's tokens cost, in the last session; null for other runs. */
export function prices({ sessions }: RunRecord): TokenPrices | null {
  const { inputPrice, outputPrice } = sessions.at(-1)!.settings;
  return typeof inputPrice === 'number' && typeof outputPrice === 'number'
    ? { input: inputPrice, output: outputPrice }
    : null;
}
