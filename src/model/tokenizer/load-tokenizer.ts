import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { systemReason } from '../../shared/system-errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { readAddedTokens, readSequenceSettings } from './added-tokens.js';
import { readSentencePiece } from './sentencepiece.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { readTokenizerJson } from './tokenizer-json.js';
import { OFFICIAL_SETTINGS } from './vocabulary.js';

export type { Tokenizer } from './tokenizer.js';

const MAX_BYTES = 16 * 2 ** 20; // Llama's files are 0.5 MB (tokenizer.model) and 2 to 4 MB (tokenizer.json)

/**
 * Loads the tokenizer of a checkpoint or exported model: tokenizer.model with the added tokens beside it, or tokenizer.json
 * if there is no such file.
 * @throws UserError when neither exists, or a file is damaged or not a Llama tokenizer's
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const modelPath = join(folder, 'tokenizer.model');
  const model = await readIfPresent(modelPath);
  if (model) {
    const vocabulary = readSentencePiece(model, modelPath);
    const { addedTokens, settings } = await readAddedTokens(folder, vocabulary.pieces);
    return createTokenizer({ ...vocabulary, addedTokens }, modelPath, settings);
  }
  const jsonPath = join(folder, 'tokenizer.json');
  const json = await readIfPresent(jsonPath);
  if (json) {
    // transformers reads such a checkpoint with its fast tokenizer only.
    const settings = { ...OFFICIAL_SETTINGS, ...(await readSequenceSettings(folder)), spacesAroundAdded: false };
    return createTokenizer(readTokenizerJson(decodeUtf8(json, jsonPath), jsonPath), jsonPath, settings);
  }
  throw new UserError(
    `${folder} has neither tokenizer.model nor tokenizer.json. Copy the checkpoint's tokenizer there.`,
  );
}

async function readIfPresent(path: string): Promise<Buffer | null> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) throw new UserError(`${path} is not a file.`);
    if (stats.size > MAX_BYTES) {
      throw new UserError(`${path} is too large for a tokenizer: ${stats.size} bytes (at most ${MAX_BYTES}).`);
    }
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be read: ${systemReason(error, path)}`, { cause: error });
  }
}
