import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { fixture, projectRoot } from '../../test/fixtures.js';
import { mutateBytes } from '../mutate-bytes.js';
import { mutateJson } from '../mutate-json.js';
import type { FuzzTarget } from '../target.js';

const MODEL = readFileSync(fixture('reference', 'hr-mini', 'tokenizer.model'));
const JSON_TEXT = readFileSync(join(projectRoot, 'sample', 'models', 'llava-hr-tiny', 'tokenizer.json'), 'utf8');
const LLAMA_3_TEXT = readFileSync(fixture('llama-3-tokenizer', 'tokenizer.json'), 'utf8');
const TEXTS = ['', ' What is this? <s></s><unk>', '日本語 🙂 \ufffd\0', 'a'.repeat(2000)];

export const target: FuzzTarget = {
  async run(folder, random) {
    if (random.chance(0.5)) await writeFile(join(folder, 'tokenizer.model'), mutateBytes(MODEL, random));
    else await writeFile(join(folder, 'tokenizer.json'), mutateJson(random.pick([JSON_TEXT, LLAMA_3_TEXT]), random));
    const tokenizer = await loadTokenizer(folder);
    for (const text of TEXTS) tokenizer.decode(tokenizer.encode(text));
    tokenizer.decode(Array.from({ length: tokenizer.size + 2 }, (_, id) => id));
  },
};
