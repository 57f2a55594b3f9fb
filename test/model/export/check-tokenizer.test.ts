import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Checkpoint } from '../../../src/model/checkpoint/checkpoint.js';
import { checkTokenizer } from '../../../src/model/export/check-tokenizer.js';
import { checkpointWith } from '../checkpoint/temporary-folder.js';
import { SMALL_HR } from '../small-architecture.js';

/** A checkpoint of 768 pieces and these added tokens, with an embedding of so many rows. */
async function checkFor(t: TestContext, rows: number, added: Record<string, number> = {}, special: string[] = []) {
  const folder = checkpointWith(t, 'hr-mini', {});
  await writeFile(join(folder, 'added_tokens.json'), JSON.stringify(added));
  await writeFile(join(folder, 'special_tokens_map.json'), JSON.stringify({ additional_special_tokens: special }));
  const architecture = { ...SMALL_HR, language: { ...SMALL_HR.language, vocabSize: rows } };
  return checkTokenizer({ tokenizerFolder: folder, architecture } as Checkpoint);
}

test('no warning when there are as many rows as tokens', async (t) => {
  assert.deepEqual(await checkFor(t, 768), {});
  assert.deepEqual(await checkFor(t, 770, { '<a>': 769, '<b>': 768 }), {});
});

test('rows of padding are explained, others warned about', async (t) => {
  assert.deepEqual(await checkFor(t, 832, { '<a>': 768 }), {
    note: 'The embedding has 832 rows for 769 tokens: padded to a multiple of 64.',
  });
  assert.match((await checkFor(t, 900)).warning!, /^The embedding has 900 rows, but the tokenizer only 768 tokens/);
});

test('too few rows are refused, unless only special tokens such as <pad> lack one', async (t) => {
  const says = { name: 'UserError', message: /the tokenizer has \d+ tokens, but the embedding only \d+ rows/ };
  await assert.rejects(checkFor(t, 700), says);
  await assert.rejects(checkFor(t, 768, { '<seg>': 768 }), says);
  assert.deepEqual(await checkFor(t, 768, { '<pad>': 768 }, ['<pad>']), {
    warning: 'The embedding has no row for <pad>: a question that contains it fails.',
  });
});
