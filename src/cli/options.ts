import { InvalidArgumentError, Option } from 'commander';
import { PROTOCOLS } from '../benchmarks/benchmark.js';
import { PRECISIONS } from '../model/precision.js';
import type { Shard } from '../results/runs/run-identity.js';

/* Options that several commands have, and parsers of option values. */

export function protocolOption(): Option {
  return new Option('--protocol <protocol>', "whose prompts and scores: LLaVA's, as the papers, or lmms-eval's")
    .choices(PROTOCOLS)
    .default('llava');
}

export function precisionOption(): Option {
  return new Option(
    '--precision <precision>',
    'of the exported weights: fp32; fp16 for GPUs; int8 or int4 on the CPU, quantised',
  )
    .choices(PRECISIONS)
    .default('fp32');
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 up.');
  return value;
}

export function countFromZero(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0 up.');
  return Number(text);
}

export function wholeNumbers(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(part.trim()));
}

export function batchSize(text: string): number | 'auto' {
  if (text === 'auto') return text;
  try {
    return wholeNumber(text);
  } catch {
    throw new InvalidArgumentError('It must be auto or a whole number from 1 up.');
  }
}

/** `i/n`, i from 1 to n. */
export function shard(text: string): Shard {
  const [, i, n] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const [index, count] = [Number(i), Number(n)];
  if (!(index >= 1 && index <= count)) {
    throw new InvalidArgumentError('It must be i/n with i from 1 to n, such as 1/8 for the first of eight.');
  }
  return { index, count };
}
