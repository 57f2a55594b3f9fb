import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createTokenizer } from '../../../src/model/tokenizer/tokenizer.js';
import { readTokenizerJson } from '../../../src/model/tokenizer/tokenizer-json.js';
import { OFFICIAL_SETTINGS } from '../../../src/model/tokenizer/vocabulary.js';
import { fixture } from '../../fixtures.js';

const text = readFileSync(fixture('reference', 'l15-mini', 'tokenizer.json'), 'utf8');

interface Json {
  added_tokens: Record<string, unknown>[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  decoder: unknown;
  model: Record<string, unknown> & { vocab: Record<string, unknown>; merges: unknown[] };
}

/** Reads the reference file after a change. */
function readChanged(change: (json: Json) => void) {
  const json = JSON.parse(text) as Json;
  change(json);
  return readTokenizerJson(json, 'a/tokenizer.json');
}

test('pieces, merges and added tokens are read', () => {
  const { pieces, merges, addedTokens } = readTokenizerJson(JSON.parse(text), 'a/tokenizer.json');
  assert.equal(pieces.length, 768);
  assert.equal(pieces[13], '<0x0A>');
  assert.deepEqual(merges[0], ['▁', 't']);
  assert.deepEqual(
    addedTokens.map(({ content }) => content),
    ['<unk>', '<s>', '</s>'],
  );
});

test('merges may be strings', () => {
  const asText = readChanged((json) => {
    json.model.merges = (json.model.merges as string[][]).map((pair) => pair.join(' '));
  });
  assert.deepEqual(asText.merges, readTokenizerJson(JSON.parse(text), '').merges);
});

test('a Metaspace pre-tokenizer is accepted', () => {
  for (const prepend_scheme of ['first', 'always']) {
    const vocabulary = readChanged((json) => {
      json.normalizer = null;
      json.pre_tokenizer = { type: 'Metaspace', replacement: '▁', prepend_scheme, split: false };
    });
    assert.equal(vocabulary.pieces.length, 768);
  }
});

test('added tokens beyond the vocabulary get their own ids', () => {
  const vocabulary = readChanged((json) => {
    json.added_tokens.push(
      { id: 768, content: '<image>', special: true, single_word: false, lstrip: false, rstrip: false },
      { id: 769, content: '<pad>', special: true },
      { id: 770, content: '<shown>', special: false },
    );
  });
  const tokenizer = createTokenizer(vocabulary, '', { ...OFFICIAL_SETTINGS, spacesAroundAdded: false });
  assert.equal(tokenizer.size, 771);
  assert.deepEqual(tokenizer.encode('a<image>b<pad><shown>'), [260, 768, 689, 769, 770]);
  assert.equal(tokenizer.decode([260, 768, 689, 769, 770]), 'ab<shown>');
});

const REFUSED: readonly (readonly [what: string, change: (json: Json) => void, message: RegExp])[] = [
  ['unigram', (json) => Object.assign(json.model, { type: 'Unigram' }), /model\.type .*"BPE"/],
  ['no byte fallback', (json) => Object.assign(json.model, { byte_fallback: false }), /model\.byte_fallback/],
  ['ignore_merges', (json) => Object.assign(json.model, { ignore_merges: true }), /model\.ignore_merges/],
  ['a suffix', (json) => Object.assign(json.model, { end_of_word_suffix: '</w>' }), /model\.end_of_word_suffix/],
  ['dropout', (json) => Object.assign(json.model, { dropout: 0.1 }), /model\.dropout/],
  ['a vocabulary as a list', (json) => Object.assign(json.model, { vocab: [] }), /model\.vocab must be object/],
  ['a broken id', (json) => Object.assign(json.model.vocab, { x: 1.5 }), /model\.vocab\.x must be integer/],
  ['a merge of three', (json) => json.model.merges.push(['a', 'b', 'c']), /model\.merges\.507/],
  ['no added tokens', (json) => Object.assign(json, { added_tokens: [] }), /: added_tokens/],
  [
    'a token that strips',
    (json) => Object.assign(json.added_tokens[1]!, { lstrip: true }),
    /: added_tokens\.1\.lstrip/,
  ],
  [
    'another normalizer',
    (json) => Object.assign(json, { normalizer: { type: 'NFKC' } }),
    /normalizer and pre_tokenizer differ/,
  ],
  [
    'a pre-tokenizer',
    (json) => Object.assign(json, { pre_tokenizer: { type: 'Whitespace' } }),
    /normalizer and pre_tokenizer differ/,
  ],
  ['another decoder', (json) => Object.assign(json, { decoder: { type: 'ByteLevel' } }), /the decoder differs/],
];

for (const [what, change, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => readChanged(change),
      (error: Error) => {
        assert.equal(error.name, 'UserError');
        assert.match(error.message, message);
        assert.match(error.message, /^a\/tokenizer\.json: .*Only Llama tokenizers/);
        return true;
      },
    );
  });
}

test('refused: ids with gaps, duplicate ids, merges of unknown pieces', () => {
  const gap = /a\/tokenizer\.json: token ids have a gap or a duplicate at/;
  assert.throws(() => readChanged((json) => json.added_tokens.push({ id: 769, content: '<x>', special: true })), gap);
  assert.throws(() => readChanged((json) => json.added_tokens.push({ id: 700, content: '<x>', special: true })), gap);
  assert.throws(() => readChanged((json) => Object.assign(json.model.vocab, { zzzz: 2 ** 40 })), gap);
  assert.throws(() => readChanged((json) => json.model.merges.push(['a', 'zzzz'])), /"zzzz" is in the merges/);
});
