import protobuf from 'protobufjs';
import { messageOf, UserError } from '../../shared/errors.js';
import { unsupported, type Vocabulary } from './vocabulary.js';

/** The fields used here from SentencePiece's schema. Source: google/sentencepiece src/sentencepiece_model.proto. */
const SCHEMA = `
syntax = "proto2";
message SentencePiece { optional string piece = 1; optional float score = 2; optional int32 type = 3 [default = 1]; }
message TrainerSpec {
  optional int32 model_type = 3 [default = 1]; optional bool treat_whitespace_as_suffix = 24;
  optional bool byte_fallback = 35;
}
message NormalizerSpec {
  optional string name = 1; optional bytes precompiled_charsmap = 2;
  optional bool remove_extra_whitespaces = 4 [default = true]; optional bool escape_whitespaces = 5 [default = true];
}
message ModelProto {
  repeated SentencePiece pieces = 1; required TrainerSpec trainer_spec = 2; required NormalizerSpec normalizer_spec = 3;
}`;

interface ModelProto {
  pieces: { piece: string; score: number; type: number }[];
  trainer_spec: { model_type: number; treat_whitespace_as_suffix: boolean; byte_fallback: boolean };
  normalizer_spec: {
    name: string;
    precompiled_charsmap: Uint8Array;
    remove_extra_whitespaces: boolean;
    escape_whitespaces: boolean;
  };
}

const modelProto = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('ModelProto');

const MODEL_TYPES = ['', 'unigram', 'BPE', 'word', 'character'];
const BPE = 2;
const LONGEST_PIECE = 256; // SentencePiece's default limit is 16 characters
const PIECE_TYPE = { normal: 1, byte: 6 };

// Hugging Face's LlamaTokenizer recognises these in a text. SentencePiece itself would split them into other pieces.
const SPECIAL_PIECES = ['<unk>', '<s>', '</s>'];

/**
 * Reads tokenizer.model, a SentencePiece model.
 * @param path for messages
 * @throws UserError when it is not a SentencePiece model, or unlike Llama's: BPE, byte fallback, no text normalisation
 */
export function readSentencePiece(bytes: Uint8Array, path: string): Vocabulary {
  const model = decodeModel(bytes, path);
  const refuse = (problem: string): never => {
    throw unsupported(path, problem);
  };
  const { trainer_spec: trainer, normalizer_spec: normalizer } = model;
  if (trainer.model_type !== BPE) refuse(`the model type is ${MODEL_TYPES[trainer.model_type] ?? trainer.model_type}`);
  if (!trainer.byte_fallback) refuse('the model has no byte fallback');
  if (trainer.treat_whitespace_as_suffix) refuse('spaces are attached to the end of words');
  if (normalizer.name !== 'identity' || normalizer.precompiled_charsmap.length > 0) {
    refuse(`the normalizer is ${JSON.stringify(normalizer.name)}, not "identity"`);
  }
  if (normalizer.remove_extra_whitespaces) refuse('the normalizer removes spaces');
  if (!normalizer.escape_whitespaces) refuse('spaces are not written as ▁');

  const normal: { piece: string; score: number }[] = [];
  for (const piece of model.pieces) {
    if (piece.piece.length > LONGEST_PIECE) refuse(`a piece has ${piece.piece.length} characters`);
    if (piece.type === PIECE_TYPE.normal) normal.push(piece);
    else if (piece.type !== PIECE_TYPE.byte && !SPECIAL_PIECES.includes(piece.piece)) {
      refuse(`the piece ${JSON.stringify(piece.piece)} is of type ${piece.type}`);
    }
  }
  const pieces = model.pieces.map(({ piece }) => piece);
  const addedTokens = SPECIAL_PIECES.map((content) => ({ id: pieces.indexOf(content), content, special: true }));
  for (const { id, content } of addedTokens) if (id < 0) refuse(`the piece ${content} is missing`);
  return { pieces, merges: mergesOf(normal), addedTokens };
}

function decodeModel(bytes: Uint8Array, path: string): ModelProto {
  try {
    const model = modelProto.decode(bytes) as unknown as ModelProto;
    if (model.pieces.length === 0) throw new Error('it has no pieces');
    return model;
  } catch (error) {
    throw new UserError(`${path} is not a SentencePiece model (${messageOf(error)}). Download it again.`, {
      cause: error,
    });
  }
}

/**
 * SentencePiece's merges: any two pieces whose concatenation is a piece, highest score first. If a piece can be split
 * in several ways, earlier merges decide which pair occurs in a text, so the order of these pairs does not matter.
 */
function mergesOf(pieces: readonly { piece: string; score: number }[]): [string, string][] {
  const known = new Set(pieces.map(({ piece }) => piece));
  const merges: [string, string][] = [];
  for (const { piece } of [...pieces].sort((a, b) => b.score - a.score)) {
    let left = '';
    for (const character of piece) {
      const right = piece.slice(left.length);
      if (known.has(left) && known.has(right)) merges.push([left, right]);
      left += character;
    }
  }
  return merges;
}
