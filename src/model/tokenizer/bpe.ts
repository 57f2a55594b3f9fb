import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { pyLstrip, pyRstrip } from '../../shared/python-strings.js';
import type { AddedToken } from './vocabulary.js';

/**
 * Splits a text into added tokens and the parts between them; at each place the longest token counts.
 * Source: transformers tokenization_utils.py, `tokenize`, whose order of steps matters where tokens follow each other.
 */
export function splitByAdded(
  text: string,
  pattern: RegExp,
  added: ReadonlyMap<string, AddedToken>,
): (string | AddedToken)[] {
  // split puts what the pattern matched between the other parts, some of them empty.
  const parts = text.split(pattern).filter((part) => part !== '');
  for (let i = 0; i < parts.length; i++) {
    const token = added.get(parts[i]!);
    if (token === undefined) continue;
    const [left, right] = [parts[i - 1], parts[i + 1]];
    if (token.rstrip && right) parts[i + 1] = pyLstrip(right);
    if (token.lstrip && left) parts[i - 1] = pyRstrip(left);
    if (token.singleWord && left && !left.endsWith(' ')) {
      parts[i - 1] += token.content;
      parts[i] = '';
    } else if (token.singleWord && right && !right.startsWith(' ')) {
      parts[i + 1] = token.content + parts[i + 1];
      parts[i] = '';
    }
  }
  return parts.filter((part) => part !== '').map((part) => added.get(part) ?? part);
}

/** Source: transformers tokenization_utils_base.py, `clean_up_tokenization`. */
export function cleanUpSpaces(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** Byte pair encoding only, without any preparation of the text. */
export function createBpe(
  ids: ReadonlyMap<string, number>,
  merges: [string, string][],
  { byteFallback }: { byteFallback: boolean },
): (text: string) => number[] {
  // The library's types do not resolve under nodenext.
  const tokenizer: { encode(text: string): { ids: number[] } } = new HfTokenizer(
    {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'BPE', vocab: Object.fromEntries(ids), merges, byte_fallback: byteFallback, ignore_merges: false },
    },
    {},
  );
  return (text) => tokenizer.encode(text).ids;
}

/** Matches any of the words, the longest where several match. */
export function patternOf(words: readonly string[]): RegExp {
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  return new RegExp(`(${longestFirst.map((word) => word.replace(/[^\p{L}\p{N}]/gu, '\\$&')).join('|')})`);
}
