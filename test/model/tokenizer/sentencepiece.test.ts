import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { readSentencePiece } from '../../../src/model/tokenizer/sentencepiece.js';
import { fixture } from '../../fixtures.js';

const model = readFileSync(fixture('reference', 'hr-mini', 'tokenizer.model'));

/** A protobuf field that holds bytes or a message. */
function field(number: number, ...content: number[]): number[] {
  return [(number << 3) | 2, content.length, ...content];
}

// Fields of TrainerSpec, NormalizerSpec and SentencePiece.
const modelType = (type: number) => [0x18, type];
const byteFallback = (on: number) => [0x98, 0x02, on];
const whitespaceAsSuffix = (on: number) => [0xc0, 0x01, on];
const name = (text: string) => field(1, ...Buffer.from(text));
const charsmap = (...bytes: number[]) => field(2, ...bytes);
const removeSpaces = (on: number) => [0x20, on];
const escapeSpaces = (on: number) => [0x28, on];
const trainer = (...content: number[][]) => field(2, ...content.flat());
const normalizer = (...content: number[][]) => field(3, ...content.flat());
const piece = (text: string, type: number) => field(1, ...field(1, ...Buffer.from(text)), 0x18, type);

const llama = [
  trainer(modelType(2), byteFallback(1)),
  normalizer(name('identity'), removeSpaces(0)),
  ...['<unk>', '<s>', '</s>'].map((text) => piece(text, 2)),
];
const read = (fields: number[][]) => readSentencePiece(Buffer.from(fields.flat()), 'a/t.model');

test('pieces, special tokens and merges are read', () => {
  const { pieces, merges, addedTokens } = readSentencePiece(model, '');
  assert.equal(pieces.length, 768);
  assert.equal(pieces[13], '<0x0A>');
  assert.deepEqual(merges.slice(0, 3), [
    ['▁', 't'],
    ['▁', 'a'],
    ['h', 'e'],
  ]);
  assert.deepEqual(addedTokens[2], { id: 2, content: '</s>', special: true });
});

test('merges any two pieces that form another piece, highest score first', () => {
  const score = (value: number) => [0x15, ...new Uint8Array(new Float32Array([value]).buffer)];
  const scored = (text: string, value: number) => field(1, ...field(1, ...Buffer.from(text)), ...score(value));
  const pieces = [scored('aab', -3), scored('ab', -1), scored('aa', -2), scored('a', -4), scored('b', -5)];
  assert.deepEqual(read([...llama, ...pieces]).merges, [
    ['a', 'b'],
    ['a', 'a'],
    ['a', 'ab'],
    ['aa', 'b'],
  ]);
});

const REFUSED: readonly (readonly [what: string, fields: number[][], message: RegExp])[] = [
  ['unigram', [...llama, trainer(modelType(1))], /model type is unigram/],
  ['a model of the default type', [trainer(byteFallback(1)), ...llama.slice(1)], /model type is unigram/],
  ['a word model', [...llama, trainer(modelType(3))], /model type is word/],
  ['an unknown type', [...llama, trainer(modelType(9))], /model type is 9/],
  ['no byte fallback', [trainer(modelType(2)), ...llama.slice(1)], /no byte fallback/],
  ['spaces at the end of words', [...llama, trainer(whitespaceAsSuffix(1))], /attached to the end of words/],
  ['another normalizer', [...llama, normalizer(name('nmt_nfkc'))], /"nmt_nfkc", not "identity"/],
  ['a normalizer with a character map', [...llama, normalizer(charsmap(1, 2))], /not "identity"/],
  ['a normalizer without a name', [...llama, normalizer(name(''))], /"", not "identity"/],
  ['removing spaces', [...llama, normalizer(removeSpaces(1))], /removes spaces/],
  ['removing spaces, the default', [llama[0]!, normalizer(name('identity')), ...llama.slice(2)], /removes spaces/],
  ['unescaped spaces', [...llama, normalizer(escapeSpaces(0))], /not written as ▁/],
  ['a user-defined piece', [...llama, piece('<image>', 4)], /"<image>" is of type 4/],
  ['an additional control piece', [...llama, piece('<pad>', 3)], /"<pad>" is of type 3/],
  ['no <s>', llama.toSpliced(3, 1), /the piece <s> is missing/],
];

for (const [what, fields, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => read(fields),
      (error: Error) => {
        assert.equal(error.name, 'UserError');
        assert.match(error.message, message);
        assert.match(error.message, /^a\/t\.model: .*Only Llama tokenizers/);
        return true;
      },
    );
  });
}

test('refused: a piece that is too long', () => {
  const text = Buffer.alloc(300, 'a');
  const long = [0x0a, 0xaf, 0x02, 0x0a, 0xac, 0x02, ...text]; // lengths 303 and 300
  assert.throws(() => read([...llama, long]), /a piece has 300 characters/);
});

test('refused: anything but a SentencePiece model', () => {
  for (const bytes of [
    Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
    Buffer.alloc(0),
    model.subarray(0, 5000),
    Buffer.from(llama.slice(0, 2).flat()),
  ]) {
    assert.throws(() => readSentencePiece(bytes, 'a/t.model'), {
      name: 'UserError',
      message: /^a\/t\.model is not a SentencePiece model \(.+\)\. Download it again\.$/,
    });
  }
});
