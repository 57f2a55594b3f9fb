import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { CONV_MODES, type ConvMode } from '../../src/model/conversation.js';
import { answerText, buildPrompt } from '../../src/model/prompt.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { fixture } from '../fixtures.js';

const recorded = JSON.parse(readFileSync(fixture('conversations', 'prompts.json'), 'utf8')) as {
  mode: ConvMode;
  question: string;
  prompt: string;
}[];

test('the prompts of every template equal those of the official conversation.py', () => {
  const others = ['llava_llama_3']; // recorded beside its tokenizer
  assert.deepEqual(new Set([...recorded.map(({ mode }) => mode), ...others]), new Set(CONV_MODES));
  for (const { mode, question, prompt } of recorded) {
    const image = question.startsWith('<image>\n');
    const asked = image ? question.slice('<image>\n'.length) : question;
    assert.equal(buildPrompt(asked, { image, convMode: mode }), prompt, mode);
  }
});

test("the template's end of a turn is removed where the model writes it out", async () => {
  const tokenizer = await loadTokenizer(fixture('reference', 'hr-mini'));
  const written = (text: string, convMode: ConvMode) => answerText({ ...tokenizer, decode: () => text }, [], convMode);
  assert.equal(written('a cat </s>', 'vicuna_v1'), 'a cat');
  assert.equal(written('a cat <s>', 'llama_2'), 'a cat');
  assert.equal(written('a cat </s>', 'mistral_instruct'), 'a cat </s>');
  assert.equal(written(' a cat\n', 'plain'), 'a cat');
});
