import { UserError } from '../shared/errors.js';
import { pyStrip } from '../shared/python-strings.js';

/** What a conversation template puts around the user's turn. */
interface ConversationTemplate {
  before: string;
  after: string;
  /** Whether white space around the user's turn, image included, is dropped. */
  trims?: boolean;
  /** Removed from the end of an answer where the model writes it out as text; empty for nothing. */
  stop: string;
}

const LLAVA_LLAMA_2_SYSTEM =
  'You are a helpful language and vision assistant. You are able to understand the visual content that the user provides, ' +
  'and assist the user with a variety of tasks using natural language.';
const LLAMA_2_SYSTEM =
  'You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe.  Your ' +
  'answers should not include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal content. Please ensure ' +
  'that your responses are socially unbiased and positive in nature.\n\nIf a question does not make any sense, or is not ' +
  "factually coherent, explain why instead of answering something not correct. If you don't know the answer to a question, " +
  "please don't share false information.";

/**
 * The conversation templates of LLaVA, by the names that its `--conv-mode` takes.
 * Source: LLaVA conversation.py (conv_templates, get_prompt); llava_llama_3: LLaVA-NeXT conversation.py with the chat template
 * of Meta-Llama-3-8B-Instruct.
 */
const TEMPLATES = {
  vicuna_v1: (system = chatSystem('user')) => chat(system),
  llava_v1: (system = chatSystem('human')) => chat(system),
  llama_2: (system = LLAMA_2_SYSTEM) => llama2(system),
  llava_llama_2: (system = LLAVA_LLAMA_2_SYSTEM) => llama2(system),
  // The official separator is empty, so nothing is removed.
  mistral_instruct: (system) => withoutSystem(system, { before: '[INST] ', after: ' [/INST]', stop: '' }),
  // The template's start token follows the tokenizer's own.
  llava_llama_3: (system = LLAVA_LLAMA_2_SYSTEM) => llama3(system),
  plain: (system) => withoutSystem(system, { before: '', after: '\n', stop: '' }),
} as const satisfies Record<string, (system?: string) => ConversationTemplate>;

export type ConvMode = keyof typeof TEMPLATES;
export const CONV_MODES = Object.keys(TEMPLATES) as readonly ConvMode[];

/** The template of the official evaluation scripts, for checkpoints that do not say otherwise. */
export const OFFICIAL_CONV_MODE: ConvMode = 'vicuna_v1';

/**
 * @param system replaces the template's system text
 * @throws UserError when the template has none
 */
export function conversationTemplate(mode: ConvMode, system?: string): ConversationTemplate {
  return TEMPLATES[mode](system);
}

function withoutSystem(system: string | undefined, template: ConversationTemplate): ConversationTemplate {
  if (system === undefined) return template;
  throw new UserError(
    'The conversation template of the model has no system text that the systemPrompt of the task could replace. Choose another ' +
      'with --conv-mode.',
  );
}

function chatSystem(asker: string): string {
  return (
    `A chat between a curious ${asker} and an artificial intelligence assistant. ` +
    `The assistant gives helpful, detailed, and polite answers to the ${asker}'s questions.`
  );
}

function chat(system: string): ConversationTemplate {
  return { before: `${system} USER: `, after: ' ASSISTANT:', stop: '</s>' };
}

function llama3(system: string): ConversationTemplate {
  const turn = (role: string): string => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
  return {
    before: `<|begin_of_text|>${turn('system')}${pyStrip(system)}<|eot_id|>${turn('user')}`,
    after: `<|eot_id|>${turn('assistant')}`,
    trims: true,
    stop: '', // a token of its own, which texts leave out
  };
}

function llama2(system: string): ConversationTemplate {
  return { before: `[INST] <<SYS>>\n${system}\n<</SYS>>\n\n`, after: ' [/INST]', stop: '<s>' };
}
