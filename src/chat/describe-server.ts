import { TemporaryFailure } from '../shared/http/retry.js';
import { parseJson } from '../shared/parse-json.js';
import { type ChatClient, ChatError } from './chat-client.js';

/** What a server reports about itself and its model; empty if it reports nothing. */
export type ServerDescription = Record<string, string | number | boolean>;

/** A page about the server, and the facts to keep: path in its JSON to name in the description. */
interface Page {
  /** Relative to the server's root, or to the API's base address if it begins with `./`. */
  path: string;
  engine?: string;
  facts: Record<string, string>;
}

/**
 * Pages of common servers, in the order they are tried. Facts that change while a server runs are left out.
 * Sources: vLLM vllm/entrypoints/openai/api_server.py; llama.cpp tools/server/README.md; SGLang http_server.py;
 * LM Studio's REST API; Ollama docs/api.md.
 */
const PAGES: readonly Page[] = [
  {
    path: '/props',
    engine: 'llama.cpp',
    facts: { build_info: 'version', model_path: 'modelPath', 'default_generation_settings.n_ctx': 'context' },
  },
  {
    path: '/get_server_info',
    engine: 'sglang',
    facts: { version: 'version', model_path: 'modelPath', quantization: 'quantization', dtype: 'precision' },
  },
  {
    path: '/server_info',
    engine: 'sglang',
    facts: { version: 'version', model_path: 'modelPath', quantization: 'quantization', dtype: 'precision' },
  },
  { path: '/api/version', engine: 'ollama', facts: { version: 'version' } },
  { path: '/version', engine: 'vllm', facts: { version: 'version' } },
];

/** Facts in an entry of the list of models. */
const MODEL_FACTS: Record<string, string> = {
  root: 'modelPath',
  max_model_len: 'context',
  'meta.n_params': 'parameters',
  'meta.size': 'modelBytes',
  'meta.ftype': 'precision',
  quantization: 'precision',
};

const MAX_TEXT = 200;

/**
 * What the server reports about itself, to record it and to distinguish servers, and the models it offers.
 * @returns `models` is null for servers without a list
 * @throws TemporaryFailure when the server cannot be reached; ChatError
 */
export async function describeServer(
  client: ChatClient,
  signal: AbortSignal,
): Promise<{ description: ServerDescription; models: string[] | null }> {
  const root = new URL(client.baseUrl).origin;
  const list = entriesOf(await client.get(`${client.baseUrl}/models`, signal));
  const entry = list?.find(({ id }) => id === client.model);
  const description: ServerDescription = entry ? factsOf(client, entry, MODEL_FACTS) : {};
  for (const { path, engine, facts } of PAGES) {
    const page = objectIn(await optional(client.get(`${root}${path}`, signal)));
    const found = page ? factsOf(client, page, facts) : {};
    if (found['version'] === undefined) continue;
    Object.assign(description, { ...(engine ? { engine } : {}), ...found });
    break;
  }
  return { description, models: list?.map(({ id }) => client.withoutKey(String(id))) ?? null };
}

/** Ignores failures, as servers may do anything on paths they do not know. */
async function optional(page: Promise<string | null>): Promise<string | null> {
  try {
    return await page;
  } catch (error) {
    if (error instanceof TemporaryFailure || error instanceof ChatError) return null;
    throw error;
  }
}

function entriesOf(text: string | null): Record<string, unknown>[] | null {
  const data = objectIn(text)?.['data'];
  return Array.isArray(data) ? data.filter(isObject) : null;
}

function factsOf(
  { withoutKey }: ChatClient,
  page: Record<string, unknown>,
  facts: Record<string, string>,
): ServerDescription {
  const found: ServerDescription = {};
  for (const [path, name] of Object.entries(facts)) {
    const value = path
      .split('.')
      .reduce<unknown>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : null), page);
    if (typeof value === 'number' || typeof value === 'boolean') found[name] = value;
    else if (typeof value === 'string' && value !== '') found[name] = withoutKey(value).slice(0, MAX_TEXT);
  }
  return found;
}

function objectIn(text: string | null): Record<string, unknown> | null {
  if (text === null) return null;
  try {
    const value = parseJson(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
