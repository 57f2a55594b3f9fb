import { join } from 'node:path';
import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import { mapOf, schemaCheck } from '../../shared/json-schema.js';
import { parseJson } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { readUtf8 } from '../../shared/utf8-text.js';
import type { AddedToken, TokenizerSettings } from './vocabulary.js';

/** Names of special tokens in tokenizer_config.json and special_tokens_map.json, in transformers' order. */
const SPECIAL_NAMES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;
/** What LlamaTokenizer takes for the ones that no file names. */
const DEFAULT_TOKENS: Partial<Record<string, string>> = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };

/** Largest id a file may give a token: Llama-3 has 128,256 tokens. */
const MAX_ID = 2 ** 24;

interface TokenSpec {
  content: string;
  lstrip?: boolean;
  rstrip?: boolean;
  single_word?: boolean;
}
type TokenOrText = TokenSpec | string;
type SpecialTokens = { [name in (typeof SPECIAL_NAMES)[number]]?: TokenOrText | null } & {
  additional_special_tokens?: TokenOrText[] | null;
};
interface TokenizerConfig extends SpecialTokens {
  added_tokens_decoder?: Record<string, TokenSpec> | null;
  legacy?: boolean | null;
  add_bos_token?: boolean | null;
  add_eos_token?: boolean | null;
  add_prefix_space?: boolean | null;
  clean_up_tokenization_spaces?: boolean | null;
}

const flag = { type: 'boolean' };
const token = {
  type: 'object',
  properties: { content: { type: 'string' }, lstrip: flag, rstrip: flag, single_word: flag },
  required: ['content'],
};
const tokenOrText = { anyOf: [{ type: 'string' }, token] };
const nullOr = (schema: object): object => ({ anyOf: [{ type: 'null' }, schema] });
const specialTokens = {
  ...Object.fromEntries(SPECIAL_NAMES.map((name) => [name, nullOr(tokenOrText)])),
  additional_special_tokens: nullOr({ type: 'array', items: tokenOrText }),
};
const id = { type: 'integer', minimum: 0, maximum: MAX_ID };
const CHECKS = {
  'tokenizer_config.json': schemaCheck<TokenizerConfig>({
    type: 'object',
    properties: {
      ...specialTokens,
      added_tokens_decoder: nullOr({
        type: 'object',
        additionalProperties: token,
        propertyNames: { pattern: '^\\d{1,8}$' },
      }),
      legacy: nullOr(flag),
      add_bos_token: nullOr(flag),
      add_eos_token: nullOr(flag),
      add_prefix_space: nullOr(flag),
      clean_up_tokenization_spaces: nullOr(flag),
    },
  }),
  'special_tokens_map.json': schemaCheck<SpecialTokens>({ type: 'object', properties: specialTokens }),
  'added_tokens.json': schemaCheck<Record<string, number>>(mapOf(id)),
  'tokenizer.json': schemaCheck<{ added_tokens: (TokenSpec & { id: number })[] }>({
    type: 'object',
    properties: {
      added_tokens: {
        type: 'array',
        items: { ...token, properties: { ...token.properties, id }, required: ['content', 'id'] },
      },
    },
    required: ['added_tokens'],
  }),
};

/**
 * Reads what lies beside tokenizer.model as transformers does for its slow LlamaTokenizer: the added tokens come from
 * `added_tokens_decoder` of tokenizer_config.json or, without it, from added_tokens.json and tokenizer.json; a special token
 * that none of them has gets the next id.
 * Source: transformers 4.57 tokenization_utils_base.py `_from_pretrained`, tokenization_utils.py `_add_tokens`.
 * @param pieces of tokenizer.model, by id
 * @throws UserError for a file that is damaged
 */
export async function readAddedTokens(
  folder: string,
  pieces: readonly string[],
): Promise<{ addedTokens: AddedToken[]; settings: TokenizerSettings }> {
  const config = (await readJson(folder, 'tokenizer_config.json')) ?? {};
  const byId = new Map<number, TokenSpec>();
  let special: SpecialTokens = config;
  if (config.added_tokens_decoder) {
    for (const [key, spec] of Object.entries(config.added_tokens_decoder)) byId.set(Number(key), spec);
  } else {
    const map = (await readJson(folder, 'special_tokens_map.json')) ?? {};
    const additional = [...(config.additional_special_tokens ?? []), ...(map.additional_special_tokens ?? [])];
    special = { ...config, ...map, additional_special_tokens: additional };
    const added = (await readJson(folder, 'added_tokens.json')) ?? {};
    for (const [content, key] of Object.entries(added)) byId.set(key, { content });
    const fast = await readJson(folder, 'tokenizer.json');
    for (const { id: key, ...spec } of fast?.added_tokens ?? []) byId.set(key, spec);
  }

  const known = new Map([...byId.values()].map((spec) => [spec.content, spec]));
  const idOf = new Map(pieces.map((piece, key) => [piece, key]));
  for (const [key, { content }] of byId) idOf.set(content, key);
  let next = max([pieces.length, ...[...byId.keys()].map((key) => key + 1)]);
  const names = new Set<string>();
  for (const spec of specialSpecs(special)) {
    if (spec.content === '' || names.has(spec.content)) continue;
    names.add(spec.content);
    const key = idOf.get(spec.content) ?? next++;
    idOf.set(spec.content, key);
    byId.set(key, known.get(spec.content) ?? spec);
  }
  const addedTokens = [...byId]
    .filter(([, { content }]) => content !== '')
    .map(([key, { content, lstrip, rstrip, single_word }]): AddedToken => {
      const modes = {
        ...(lstrip && { lstrip }),
        ...(rstrip && { rstrip }),
        ...(single_word && { singleWord: single_word }),
      };
      return { id: key, content, special: names.has(content), ...modes };
    })
    .sort((a, b) => a.id - b.id);
  return {
    addedTokens,
    settings: {
      addBosToken: (await readSequenceSettings(folder)).addBosToken,
      legacy: config.legacy ?? true,
      addPrefixSpace: config.add_prefix_space ?? true,
      spacesAroundAdded: true,
      cleanUpSpaces: config.clean_up_tokenization_spaces ?? false,
    },
  };
}

/** What tokenizer_config.json says whatever the tokenizer's file. */
interface SequenceSettings extends Pick<TokenizerSettings, 'addBosToken' | 'cleanUpSpaces'> {
  /** The token that ends an answer. */
  eosToken: string | undefined;
}

/** @throws UserError when prompts are to end with </s>, after which no model answers */
export async function readSequenceSettings(folder: string): Promise<SequenceSettings> {
  const config = (await readJson(folder, 'tokenizer_config.json')) ?? {};
  if (config.add_eos_token) {
    throw new UserError(
      `${join(folder, 'tokenizer_config.json')}: add_eos_token is true, which is not supported: every prompt would end with ` +
        '</s>, the end of an answer. It is a setting for training; set it to false.',
    );
  }
  const { eos_token: eos } = config;
  return {
    addBosToken: config.add_bos_token ?? true,
    cleanUpSpaces: config.clean_up_tokenization_spaces ?? false,
    eosToken: (typeof eos === 'string' ? eos : eos?.content) ?? undefined,
  };
}

function specialSpecs(special: SpecialTokens): TokenSpec[] {
  const single = SPECIAL_NAMES.map((name) => (special[name] === undefined ? DEFAULT_TOKENS[name] : special[name]));
  return [...single, ...(special.additional_special_tokens ?? [])].flatMap((one) => {
    if (one === null || one === undefined) return [];
    return typeof one === 'string' ? [{ content: one }] : [one];
  });
}

type Side = typeof CHECKS;
type Content<N extends keyof Side> = Side[N] extends { fits(value: unknown): value is infer T } ? T : never;

async function readJson<N extends keyof Side>(folder: string, name: N): Promise<Content<N> | null> {
  const path = join(folder, name);
  let value: unknown;
  try {
    value = parseJson(await readUtf8(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, error);
  }
  const check = CHECKS[name];
  if (!check.fits(value)) throw new UserError(`${path}: ${check.problem()}. Download it again.`);
  return value as Content<N>;
}
