import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { tokenizePrompt } from '../../../src/model/prompt.js';
import { loadTokenizer, type Tokenizer } from '../../../src/model/tokenizer/load-tokenizer.js';
import { fixture } from '../../fixtures.js';

/** Ids and texts of transformers 4.57's slow LlamaTokenizer, for files beside the same tokenizer.model. */
interface Golden {
  files: Record<string, unknown>;
  /** One more than the largest id. */
  size: number;
  encode: [text: string, ids: number[]][];
  decode: [ids: number[], text: string][];
}
const goldens = JSON.parse(readFileSync(fixture('reference', 'tokenization', 'added_tokens.json'), 'utf8')) as Golden[];

async function load(t: TestContext, files: Record<string, unknown>): Promise<Tokenizer> {
  const folder = mkdtempSync(join(tmpdir(), 'llavahr-added-tokens-'));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync(fixture('reference', 'hr-mini', 'tokenizer.model'), join(folder, 'tokenizer.model'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  return loadTokenizer(folder);
}

for (const [index, { files, size, encode, decode }] of goldens.entries()) {
  test(`added tokens as transformers reads them, ${index + 1}: ${Object.keys(files).join(', ')}`, async (t) => {
    const tokenizer = await load(t, files);
    assert.equal(tokenizer.size, size);
    for (const [text, ids] of encode) assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    for (const [ids, text] of decode) assert.equal(tokenizer.decode(ids), text, JSON.stringify(ids));
  });
}

test('add_bos_token is heeded, and add_eos_token refused', async (t) => {
  const prompt = 'a <image> b';
  const withBos = tokenizePrompt(await load(t, { 'tokenizer_config.json': { legacy: false } }), prompt);
  assert.equal(withBos[0], 1);
  const withoutBos = await load(t, { 'tokenizer_config.json': { legacy: false, add_bos_token: false } });
  assert.deepEqual(tokenizePrompt(withoutBos, prompt), withBos.slice(1));
  await assert.rejects(load(t, { 'tokenizer_config.json': { add_eos_token: true } }), {
    name: 'UserError',
    message: /tokenizer_config\.json: add_eos_token is true, which is not supported/,
  });
});

test('damaged files are refused by name', async (t) => {
  for (const [name, content, says] of [
    ['added_tokens.json', { '<a>': -1 }, /added_tokens\.json: .* must be >= 0/],
    ['added_tokens.json', ['<a>'], /added_tokens\.json: the document must be object/],
    ['tokenizer_config.json', { legacy: 'no' }, /tokenizer_config\.json: legacy must be/],
    [
      'tokenizer_config.json',
      { added_tokens_decoder: { x: { content: 'a' } } },
      /tokenizer_config\.json: added_tokens_decoder/,
    ],
    ['special_tokens_map.json', { pad_token: 7 }, /special_tokens_map\.json: pad_token/],
  ] as const) {
    await assert.rejects(load(t, { [name]: content }), { name: 'UserError', message: says });
  }
});
