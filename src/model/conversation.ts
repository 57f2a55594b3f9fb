/** What a conversation template puts around the user's turn. */
interface ConversationTemplate {
  before: string;
  after: string;
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
 * Source: LLaVA conversation.py (conv_templates, get_prompt); mistral_instruct: LLaVA-NeXT conversation.py.
 */
const TEMPLATES = {
  vicuna_v1: chat('user'),
  llava_v1: chat('human'),
  llama_2: llama2(LLAMA_2_SYSTEM),
  llava_llama_2: llama2(LLAVA_LLAMA_2_SYSTEM),
  // The official separator is empty, so nothing is removed.
  mistral_instruct: { before: '[INST] ', after: ' [/INST]', stop: '' },
  plain: { before: '', after: '\n', stop: '' },
} as const satisfies Record<string, ConversationTemplate>;

export type ConvMode = keyof typeof TEMPLATES;
export const CONV_MODES = Object.keys(TEMPLATES) as readonly ConvMode[];

/** The template of the official evaluation scripts, for checkpoints that do not say otherwise. */
export const OFFICIAL_CONV_MODE: ConvMode = 'vicuna_v1';

export function conversationTemplate(mode: ConvMode): ConversationTemplate {
  return TEMPLATES[mode];
}

function chat(asker: string): ConversationTemplate {
  const system =
    `A chat between a curious ${asker} and an artificial intelligence assistant. ` +
    `The assistant gives helpful, detailed, and polite answers to the ${asker}'s questions.`;
  return { before: `${system} USER: `, after: ' ASSISTANT:', stop: '</s>' };
}

function llama2(system: string): ConversationTemplate {
  return { before: `[INST] <<SYS>>\n${system}\n<</SYS>>\n\n`, after: ' [/INST]', stop: '<s>' };
}
