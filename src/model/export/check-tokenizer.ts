import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { ConvMode } from '../conversation.js';
import { loadTokenizer, type Tokenizer } from '../tokenizer/load-tokenizer.js';

/** Token of Llama 3's chat format. */
const LLAMA_3_END_OF_TURN = '<|eot_id|>';

/** Embeddings are padded to a multiple of this at most, so that matrix products are fast on GPUs. */
const LARGEST_PADDING_UNIT = 256;

/**
 * Compares a checkpoint's tokenizer with the rows of its embedding.
 * @returns `note` and `warning` as `compareRows`; `convMode` is the conversation template that the tokenizer was made for,
 *   where it is not the official one
 * @throws UserError when there is no tokenizer that can be read, or the model lacks rows for its tokens
 */
export async function checkTokenizer({
  tokenizerFolder: folder,
  architecture,
}: Checkpoint): Promise<{ note?: string; warning?: string; convMode?: ConvMode }> {
  const { size, addedTokens } = await loadTokenizer(folder);
  const convMode = addedTokens.some(({ content }) => content === LLAMA_3_END_OF_TURN) ? 'llava_llama_3' : undefined;
  return { ...compareRows(folder, size, addedTokens, architecture), ...(convMode && { convMode }) };
}

/**
 * @returns `note` explains rows that are padding; `warning` says what does not fit
 * @throws UserError when the model lacks rows for its tokens
 */
function compareRows(
  folder: string,
  size: number,
  addedTokens: Tokenizer['addedTokens'],
  architecture: Checkpoint['architecture'],
): { note?: string; warning?: string } {
  const rows = architecture.language.vocabSize;
  // Llama-2's own files have <pad> as token 32000 beside 32000 rows: it is never in a prompt.
  const needed = max([0, ...addedTokens.filter(({ special }) => !special).map(({ id }) => id + 1)]);
  if (size - specialTail(addedTokens, size) > rows || needed > rows) {
    throw new UserError(
      `${folder}: the tokenizer has ${size} tokens, but the embedding only ${rows} rows, so tokens from ${rows} on cannot be ` +
        'asked. The tokenizer is that of another model, or tokens were added without resizing the embedding ' +
        '(model.resize_token_embeddings(len(tokenizer)) in transformers): use the tokenizer files the checkpoint was trained with.',
    );
  }
  if (size > rows) {
    const names = addedTokens.filter(({ id }) => id >= rows).map(({ content }) => content);
    return { warning: `The embedding has no row for ${names.join(', ')}: a question that contains it fails.` };
  }
  if (rows === size) return {};
  const spare = rows - size;
  const unit = [64, 8, 16, 32, 128, LARGEST_PADDING_UNIT].find((multiple) => rows % multiple === 0 && spare < multiple);
  if (unit !== undefined)
    return { note: `The embedding has ${rows} rows for ${size} tokens: padded to a multiple of ${unit}.` };
  return {
    warning:
      `The embedding has ${rows} rows, but the tokenizer only ${size} tokens, and ${spare} rows are no padding. Tokens without a ` +
      'piece give no text: is added_tokens.json or tokenizer_config.json of the checkpoint missing?',
  };
}

/** How many of the last token ids are special tokens. */
function specialTail(addedTokens: readonly { id: number; special: boolean }[], size: number): number {
  const special = new Set(addedTokens.filter((token) => token.special).map(({ id }) => id));
  let count = 0;
  while (special.has(size - 1 - count)) count++;
  return count;
}
