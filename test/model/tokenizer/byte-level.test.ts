import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { buildPrompt, tokenizePrompt } from '../../../src/model/prompt.js';
import { loadTokenizer } from '../../../src/model/tokenizer/load-tokenizer.js';
import { fixture } from '../../fixtures.js';

const FOLDER = fixture('llama-3-tokenizer');

/** What Hugging Face's tokenizers and LLaVA-NeXT's code give, see make.py there. */
const recorded = JSON.parse(await readFile(join(FOLDER, 'recorded.json'), 'utf8')) as {
  encode: [text: string, ids: number[]][];
  decode: [ids: number[], text: string][];
  prompts: { question: string; prompt: string; ids: number[] }[];
};
const tokenizer = await loadTokenizer(FOLDER);
const temporary = await mkdtemp(join(tmpdir(), 'llavahr-llama-3-'));
after(() => rm(temporary, { recursive: true }));

/** The tokenizer with a change to one of its files. */
async function changed(name: string, change: (content: Record<string, unknown>) => void) {
  const folder = await mkdtemp(join(temporary, 'changed-'));
  await cp(FOLDER, folder, { recursive: true });
  const content = JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>;
  change(content);
  await writeFile(join(folder, name), JSON.stringify(content));
  return loadTokenizer(folder);
}

test("ids of 416 strings equal Llama 3's fast tokenizer's", () => {
  assert.equal(recorded.encode.length, 416);
  for (const [text, ids] of recorded.encode) assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
});

test('texts of 300 lists of ids equal it, without cleaning up', async () => {
  const plain = await changed('tokenizer_config.json', (config) => {
    config['clean_up_tokenization_spaces'] = false;
  });
  for (const [ids, text] of recorded.decode) assert.equal(plain.decode(ids), text, JSON.stringify(ids));
  const before = tokenizer.encode("He does n't know , really .");
  assert.equal(tokenizer.decode(before), "He doesn't know, really.");
});

test("prompts and their ids equal LLaVA-NeXT's, which begin with two start tokens", () => {
  for (const { question, prompt, ids } of recorded.prompts) {
    const image = question.startsWith('<image>\n');
    const asked = image ? question.slice('<image>\n'.length) : question;
    assert.equal(buildPrompt(asked, { image, convMode: 'llava_llama_3' }), prompt);
    assert.deepEqual(tokenizePrompt(tokenizer, prompt), ids);
  }
});

test('special tokens by their names', async () => {
  assert.deepEqual([tokenizer.bosId, tokenizer.eosId, tokenizer.addsBos, tokenizer.size], [702, 706, true, 708]);
  const without = await changed('tokenizer.json', (json) => {
    json['post_processor'] = null;
  });
  assert.equal(without.addsBos, false);
});

test('tokenizers that prepare texts otherwise are refused', async () => {
  await assert.rejects(
    changed('tokenizer.json', (json) => {
      json['pre_tokenizer'] = { type: 'ByteLevel' };
    }),
    { name: 'UserError', message: /tokenizer\.json: pre_tokenizer differs from Llama 3's\. Only Llama's tokenizers/ },
  );
  await assert.rejects(
    changed('tokenizer.json', (json) => {
      json['normalizer'] = { type: 'NFC' };
    }),
    /tokenizer\.json: normalizer must be equal to constant/,
  );
  await assert.rejects(
    changed('tokenizer_config.json', (config) => {
      config['eos_token'] = '<end>';
    }),
    /tokenizer\.json: the token <end> is missing/,
  );
});
