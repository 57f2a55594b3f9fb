import { UserError } from '../../src/shared/errors.js';

/* A target that misbehaves in the way that its URL says. */

const WAYS: Record<string, () => void | Promise<void>> = {
  refusal: () => {
    throw new UserError('a.json has no records.');
  },
  'unexpected error': () => {
    throw new TypeError('not for users');
  },
  hang: () => {
    for (;;);
  },
  end: () => process.exit(7),
  'stray rejection': () => {
    Promise.reject(new Error('nobody waits for this'));
  },
  'full memory': () => {
    for (const full: number[][] = []; ; ) full.push(new Array(1e6).fill(0));
  },
};

export const target = {
  async run(): Promise<void> {
    await WAYS[new URL(import.meta.url).searchParams.get('way')!]!();
  },
};
