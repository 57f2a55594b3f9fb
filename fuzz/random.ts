import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Random choices for one case, determined by seed and case. */
export interface Random {
  /** From 0 to `below`, exclusive. */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export function randomOf(seed: number, index: number): Random {
  const generator = xoroshiro128plus((seed * 1_000_003 + index) | 0);
  const below = (limit: number): number => uniformInt(generator, 0, limit - 1);
  return {
    below,
    chance: (probability) => below(1_000_000) < probability * 1_000_000,
    pick: (items) => items[below(items.length)]!,
  };
}
