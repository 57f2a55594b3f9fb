import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { showCommand } from '../../src/commands/show.js';
import { temporaryFolder } from '../results/samples.js';
import { publishedJson } from './json-schemas.js';
import { printed } from './print.js';

const OPTIONS = { index: 0, protocol: 'llava', convMode: 'vicuna_v1', json: true } as const;
const PROMPT =
  'A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and ' +
  "polite answers to the user's questions. USER: <image>\nWhat does the blue sign say?\nAnswer the question using a " +
  'single word or phrase. ASSISTANT:';

test('shows the exact prompt, image and answer', async () => {
  const { code, stdout } = await printed(() => showCommand('textvqa', OPTIONS));
  assert.equal(code, 0);
  assert.deepEqual(publishedJson('show', stdout), {
    schemaVersion: 1,
    benchmark: 'textvqa',
    split: 'val',
    index: 0,
    questionId: 'e232260dcd1c56e4',
    image: 'e232260dcd1c56e4.jpg',
    prompt: PROMPT,
    gold: '694',
    maxNewTokens: 128,
    protocol: 'llava',
  });
  const text = await printed(() => showCommand('textvqa', { ...OPTIONS, json: false }));
  assert.ok(text.stdout.endsWith(`\nanswer: 694\nanswer limit: 128 tokens\nprompt:\n${PROMPT}`), text.stdout);
});

test('marks that are not seen are shown, and JSON keeps them', async (t) => {
  const folder = await temporaryFolder(t);
  const nasty = 'exe\u202etxt\u0007';
  const record = { image_id: 'a', question: `what ${nasty}?`, answers: Array.from({ length: 10 }, () => nasty) };
  await writeFile(join(folder, 'TextVQA_0.5.1_val.json'), JSON.stringify({ data: [record] }));
  const options = { ...OPTIONS, data: folder };
  const text = await printed(() => showCommand('textvqa', { ...options, json: false }));
  assert.match(text.stdout, /\nanswer: exe\\u202etxt\\u0007\n/);
  assert.match(text.stdout, /What exe\\u202etxt\\u0007\?\n/);
  const json = (await printed(() => showCommand('textvqa', options))).stdout;
  assert.equal(JSON.parse(json).gold, nasty);
  for (const shown of [text.stdout, json]) assert.ok(!shown.includes('\u202e') && !shown.includes('\u0007'));
});

test('an index out of range is a usage error', async () => {
  await assert.rejects(showCommand('textvqa', { ...OPTIONS, index: 48 }), {
    name: 'UserError',
    exitCode: 2,
    message: /--index 48 is out of range: textvqa val has questions 0 to 47/,
  });
});
