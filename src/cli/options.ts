import { InvalidArgumentError, Option } from 'commander';
import { PROTOCOLS } from '../benchmarks/benchmark.js';
import { CONV_MODES } from '../model/conversation.js';
import { DEFAULT_PRECISION, PRECISIONS } from '../model/precision.js';
import { RELEASED_MODELS } from '../model/released-architectures.js';
import type { TokenPrices } from '../results/runs/latency.js';
import type { Shard } from '../results/runs/run-identity.js';

/* Options shared by several commands, and parsers of option values. */

export function splitOption(): Option {
  return new Option('--split <split>', 'split of the benchmark, see `llavahr list` (default: its first one)');
}

/** Without a value of its own, so that it can be refused where it means nothing. */
export function benchmarkProtocolOption(): Option {
  const description = 'evaluation protocol: sets prompts and scoring; the papers use llava';
  return new Option('--protocol <protocol>', description).choices(PROTOCOLS).default(undefined, 'llava');
}

/** How TextVQA is prompted; `what` is what the command does with the OCR tokens. */
export function ocrTokensOption(what: string): Option {
  return new Option('--ocr-tokens', `TextVQA: ${what} (default: on if LLaVA's question file is present)`);
}

export function convModeOption(): Option {
  return new Option('--conv-mode <name>', "LLaVA's conversation template").choices(CONV_MODES);
}

export function deviceOption(): Option {
  return new Option('--device <device>', 'auto, cpu, cuda, cuda:N or webgpu').default('auto');
}

export function devicesOption(): Option {
  const description = 'several devices, one worker process each: cuda:0,cuda:1, or cpu:N for N CPU workers';
  return new Option('--devices <list>', description).conflicts('device');
}

export function judgeOption(): Option {
  return new Option(
    '--judge <url>',
    'MM-Vet: base URL of the OpenAI-compatible server that grades the answers',
  ).argParser(address);
}

export function judgeModelOption(): Option {
  return new Option('--judge-model <name>', 'MM-Vet: model that grades the answers');
}

export function judgeRunsOption(): Option {
  return new Option(
    '--judge-runs <n>',
    'MM-Vet: how often each answer is graded; the mean counts (default: 5)',
  ).argParser(positiveInteger);
}

export function judgeKeyOption(): Option {
  return new Option(
    '--judge-key <variable>',
    "MM-Vet: environment variable with the server's API key (default: OPENAI_API_KEY)",
  );
}

export function judgePricesOption(): Option {
  return new Option(
    '--judge-prices <in,out>',
    "MM-Vet: the judge's prices per million input and output tokens, to report the cost before and after grading",
  ).argParser(tokenPrices);
}

/** @param description what it takes the place of */
export function randomWeightsOption(description: string): Option {
  return new Option('--random-weights <name>', description).choices(RELEASED_MODELS);
}

export function threadsOption(): Option {
  return new Option('--threads <n>', 'CPU threads (default: all cores)').argParser(positiveInteger);
}

/** Without a value of its own, so that it can be refused for a model that is exported already. */
export function precisionOption(): Option {
  return new Option(
    '--precision <precision>',
    'precision of the exported weights: fp16 for GPUs; int8 or int4 (quantised) for CPUs',
  )
    .choices(PRECISIONS)
    .default(undefined, DEFAULT_PRECISION);
}

/** @param whose which of several models it is for */
export function baseOption(whose = ''): Option {
  return new Option(
    '--base <folder>',
    `base model of a LoRA adapter or of a projector${whose} (default: the one its config names)`,
  );
}

/** @param whose which of several models it is for */
export function clipTowerOption(whose = ''): Option {
  return new Option(
    '--clip-tower <folder>',
    `CLIP vision tower for a LLaVA-1.5 checkpoint that does not include it${whose}`,
  );
}

export function offlineOption(): Option {
  return new Option('--offline', 'do not use the network; fail if a file is missing').default(false);
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be an integer of at least 1.');
  return value;
}

export function nonNegativeInteger(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be an integer of at least 0.');
  return Number(text);
}

export function positiveIntegers(text: string): number[] {
  return text.split(',').map((part) => positiveInteger(part.trim()));
}

export function batchSize(text: string): number | 'auto' {
  if (text === 'auto') return text;
  try {
    return positiveInteger(text);
  } catch {
    throw new InvalidArgumentError('It must be auto or an integer of at least 1.');
  }
}

/** Parses the base URL of a server. */
export function address(text: string): string {
  const url = text.trim();
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
  throw new InvalidArgumentError(`${JSON.stringify(url)} is not an address such as http://localhost:8000/v1.`);
}

/** Parses base URLs of servers, separated by commas. */
export function addresses(text: string): string[] {
  return text.split(',').map(address);
}

/** Parses `input,output`: money for a million tokens each. */
export function tokenPrices(text: string): TokenPrices {
  const [input, output, ...rest] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (input !== undefined && output !== undefined && rest.length === 0 && input >= 0 && output >= 0) {
    return { input, output };
  }
  throw new InvalidArgumentError(
    'It must be two numbers, input,output: prices of a million tokens, for example 0.15,0.6.',
  );
}

/** Parses `i/n`, i from 1 to n. */
export function shard(text: string): Shard {
  const [, i, n] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const [index, count] = [Number(i), Number(n)];
  if (!(index >= 1 && index <= count)) {
    throw new InvalidArgumentError('It must be i/n with i from 1 to n, for example 1/8 for the first of eight shards.');
  }
  return { index, count };
}
