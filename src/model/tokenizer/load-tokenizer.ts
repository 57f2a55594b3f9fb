import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../shared/errors.js';
import { parseJson } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { readAddedTokens, readSequenceSettings } from './added-tokens.js';
import { createByteLevelTokenizer, isByteLevel } from './byte-level.js';
import { readSentencePiece } from './sentencepiece.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { readTokenizerJson } from './tokenizer-json.js';
import { OFFICIAL_SETTINGS } from './vocabulary.js';

export type { Tokenizer } from './tokenizer.js';

const MAX_BYTES = 64 * 2 ** 20; // Llama's files are 0.5 MB (tokenizer.model) and 2 to 4 MB (tokenizer.json), Llama 3's up to 17 MB

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
    const document = parse(decodeUtf8(json, jsonPath), jsonPath);
    const { addBosToken, eosToken, cleanUpSpaces } = await readSequenceSettings(folder);
    if (isByteLevel(document)) return createByteLevelTokenizer(document, jsonPath, { eosToken, cleanUpSpaces });
    // transformers reads such a checkpoint with its fast tokenizer only.
    const settings = { ...OFFICIAL_SETTINGS, addBosToken, spacesAroundAdded: false };
    return createTokenizer(readTokenizerJson(document, jsonPath), jsonPath, settings);
  }
  throw new UserError(
    `${folder} has neither tokenizer.model nor tokenizer.json. Copy the checkpoint's tokenizer there.`,
  );
}

function parse(text: string, path: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON (${messageOf(error)}). Download it again.`, { cause: error });
  }
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
    throw unreadable(path, error);
  }
}
