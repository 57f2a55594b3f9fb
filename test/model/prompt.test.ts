import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { answerText, buildPrompt, IMAGE_TOKEN, tokenizePrompt } from '../../src/model/prompt.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { pyStrip } from '../../src/shared/python-strings.js';
import { fixture } from '../fixtures.js';

interface Goldens {
  prompts: string[];
  prompt_texts: string[];
  prompt_ids: number[][];
  entries: { greedy: { ids: number[]; text: string }[] }[];
}

const tokenizer = await loadTokenizer(fixture('reference', 'hr-mini'));
const readJson = <T>(...path: string[]) => JSON.parse(readFileSync(fixture('reference', ...path), 'utf8')) as T;

for (const checkpoint of ['hr-mini', 'hr-mini-sharded-bf16', 'l15-mini']) {
  const goldens = readJson<Goldens>('goldens', checkpoint, 'goldens.json');

  test(`${checkpoint}: official prompts and their ids`, () => {
    assert.deepEqual(
      goldens.prompts.map((question) => buildPrompt(question)),
      goldens.prompt_texts,
    );
    assert.deepEqual(
      goldens.prompt_texts.map((prompt) => tokenizePrompt(tokenizer, prompt)),
      goldens.prompt_ids,
    );
  });

  test(`${checkpoint}: official answer texts`, () => {
    const answers = goldens.entries.flatMap(({ greedy }) => greedy);
    assert.ok(answers.length > 0);
    for (const { ids, text } of answers) assert.equal(answerText(tokenizer, ids), pyStrip(text));
  });
}

test('official ids of 100 prompts, with several images or none, or an image at an end', () => {
  const { prompts } = readJson<{ prompts: { name: string; prompt: string; ids: number[] }[] }>(
    'tokenization',
    'prompts_a.json',
  );
  assert.equal(prompts.length, 100);
  for (const { name, prompt, ids } of prompts) assert.deepEqual(tokenizePrompt(tokenizer, prompt), ids, name);
});

test('a prompt without an image', () => {
  assert.equal(
    buildPrompt('Which one?\nA. x', { image: false }),
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions. USER: Which one?\nA. x ASSISTANT:",
  );
});

test('"<image>" in a question stands for a second image, as in the official code', () => {
  const ids = tokenizePrompt(tokenizer, buildPrompt('What does <image> show?'));
  assert.equal(ids.filter((id) => id === IMAGE_TOKEN).length, 2);
});

/** The ids of a model that writes this text after "ASSISTANT:". */
const generated = (text: string) => tokenizer.encode(text);

test('an answer ends at the first </s>', () => {
  assert.equal(answerText(tokenizer, [...generated('Yes'), 2, ...generated('more'), 2]), 'Yes');
  assert.equal(answerText(tokenizer, [2]), '');
  assert.equal(answerText(tokenizer, []), '');
});

test('strips from an answer the characters that are white space in Python', () => {
  assert.equal(answerText(tokenizer, generated('\n\x1c two  words\u0085 \t')), 'two  words');
  assert.equal(answerText(tokenizer, generated('\ufeffyes')), '\ufeffyes');
});

test('one written-out </s> at the end is dropped', () => {
  const spelled = [753, 718, 677, 737]; // the pieces < / s >
  assert.equal(tokenizer.decode(spelled), '</s>');
  assert.equal(answerText(tokenizer, [...generated('no '), ...spelled, ...generated(' ')]), 'no');
  assert.equal(answerText(tokenizer, [...generated('no'), ...spelled, ...spelled]), 'no</s>');
  assert.equal(answerText(tokenizer, [...spelled, ...generated('no')]), '</s> no');
});
