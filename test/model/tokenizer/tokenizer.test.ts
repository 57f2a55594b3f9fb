import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { readSentencePiece } from '../../../src/model/tokenizer/sentencepiece.js';
import { createTokenizer } from '../../../src/model/tokenizer/tokenizer.js';
import { readTokenizerJson } from '../../../src/model/tokenizer/tokenizer-json.js';
import { bytePiece, type Vocabulary } from '../../../src/model/tokenizer/vocabulary.js';
import { fixture } from '../../fixtures.js';

// Ids and texts of the official path: HF's slow LlamaTokenizer with legacy=false. See test/fixtures/reference/README.md.
interface StringGolden {
  s: string;
  /** Ids of SentencePiece itself. */
  spm: number[];
  /** Official ids with <s> before them, where they differ. */
  hf_slow_legacy_false?: number[];
}
interface DecodeGolden {
  ids: number[];
  text: string;
}
const { strings } = readJson<{ strings: StringGolden[] }>('strings_a.json');
const { seqs } = readJson<{ seqs: DecodeGolden[] }>('decode_a.json');

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(fixture('reference', 'tokenization', name), 'utf8')) as T;
}

const modelPath = fixture('reference', 'hr-mini', 'tokenizer.model');
const jsonPath = fixture('reference', 'l15-mini', 'tokenizer.json');
const vocabularies: readonly (readonly [name: string, vocabulary: Vocabulary])[] = [
  ['tokenizer.model', readSentencePiece(readFileSync(modelPath), modelPath)],
  ['tokenizer.json', readTokenizerJson(JSON.parse(readFileSync(jsonPath, 'utf8')), jsonPath)],
];

for (const [name, vocabulary] of vocabularies) {
  const tokenizer = createTokenizer(vocabulary, name);

  test(`${name}: size and special ids`, () => {
    assert.deepEqual([tokenizer.size, tokenizer.bosId, tokenizer.eosId], [768, 1, 2]);
  });

  test(`${name}: official ids of 3000 strings`, () => {
    assert.equal(strings.length, 3000);
    for (const { s, spm, hf_slow_legacy_false } of strings) {
      assert.deepEqual(tokenizer.encode(s), hf_slow_legacy_false?.slice(1) ?? spm, JSON.stringify(s));
    }
  });

  test(`${name}: official texts of 300 id sequences`, () => {
    assert.equal(seqs.length, 300);
    for (const { ids, text } of seqs) assert.equal(tokenizer.decode(ids), text, JSON.stringify(ids));
  });
}

const [, vocabulary] = vocabularies[0]!;
const tokenizer = createTokenizer(vocabulary, '');
const byteIds = (...bytes: number[]) => bytes.map((byte) => 3 + byte);

test('decoding: each invalid byte becomes one U+FFFD; valid characters between them are kept', () => {
  assert.equal(tokenizer.decode(byteIds(0xf0, 0x9f, 0x98, 0x80)), '😀');
  assert.equal(tokenizer.decode(byteIds(0xf0, 0x9f, 0x98)), '\ufffd\ufffd\ufffd');
  assert.equal(tokenizer.decode(byteIds(0xe7, 0x8c, 0x41, 0xc3, 0xa9, 0xff)), '\ufffd\ufffdA\u00e9\ufffd');
  assert.equal(tokenizer.decode(byteIds(0xc0, 0x80, 0xed, 0xa0, 0x80)), '\ufffd'.repeat(5)); // overlong, surrogate
  assert.equal(tokenizer.decode(byteIds(0xef, 0xbb, 0xbf)), '\ufeff');
});

test('decoding: only the first ▁ is dropped; special tokens and unknown ids are skipped', () => {
  assert.equal(tokenizer.decode([]), '');
  assert.equal(tokenizer.decode([1, 2, 0]), '');
  assert.equal(tokenizer.decode([1, 670, 260, 768, 99_999, -200, 2]), ' a');
  assert.equal(tokenizer.decode([...byteIds(0x41), 260]), 'A a');
  assert.equal(tokenizer.decode([...byteIds(0xe2, 0x96, 0x81)]), '▁'); // written as bytes it is the character itself
});

test('decoding restores a long encoded text', () => {
  const text = strings.map(({ s }) => s.replaceAll('▁', ' ').replaceAll(/<\/?s>|<unk>/g, '')).join('\n');
  assert.ok(text.length > 50_000);
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
});

test('a vocabulary without the pieces of every Llama tokenizer is refused', () => {
  const without = (piece: string) => ({
    ...vocabulary,
    pieces: vocabulary.pieces.map((other) => (other === piece ? 'gone' : other)),
  });
  for (const piece of [bytePiece(0), bytePiece(0xfa), '<s>', '</s>']) {
    assert.throws(() => createTokenizer(without(piece), 'a/t.model'), {
      name: 'UserError',
      message: new RegExp(`^a/t\\.model: the piece ${piece} is missing\\.`),
    });
  }
  assert.throws(() => createTokenizer({ ...vocabulary, pieces: [...vocabulary.pieces, '▁the'] }, ''), /occurs twice/);
});

test('pieces with the names of object properties are ordinary pieces', () => {
  const names = ['__proto__', 'constructor'];
  const odd = createTokenizer({ ...vocabulary, pieces: [...vocabulary.pieces, ...names] }, '');
  assert.equal(odd.decode([768, 769]), '__proto__constructor');
  assert.deepEqual(odd.encode('constructor'), tokenizer.encode('constructor')); // no merge leads to it
});
