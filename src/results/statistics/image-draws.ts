/*
 * The generator xoshiro128++ (Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators, 2021). A run of VQAv2
 * needs 80 million numbers, and a call to pure-rand takes 31 ns.
 */

const WORDS = 4;
const BITS = 32 * WORDS;

/** The generator's state from a seed, by splitmix32. @returns four words */
export function seedState(seed: number): Int32Array {
  let mixed = seed | 0;
  return Int32Array.from({ length: WORDS }, () => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  });
}

/**
 * Draws as many images as there are, with replacement, and counts each.
 * @param drawn times that each image is drawn; bytes, to stay in the fastest cache: 255 images cannot be drawn more often,
 *   and of more, one is drawn 256 times with a probability below 1 / 256!
 * @param state four words, advanced by a step for each image
 */
export function drawImages(drawn: Uint8Array, state: Int32Array): void {
  const count = drawn.length;
  const scale = count / 0x1_0000_0000;
  // "| 0" and no destructuring: values that V8 knows to be integers from the start make the loop faster.
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  drawn.fill(0);
  for (let i = 0; i < count; i++) {
    const sum = (a + d) | 0;
    const word = (((sum << 7) | (sum >>> 25)) + a) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    drawn[(word * scale) | 0]!++; // uniform over 0 .. count - 1 up to one part in 2^32 / count
  }
  state.set([a, b, c, d]);
}

/**
 * Makes a function that advances a state by many steps at once. A step is linear over the state's bits, so any number of them
 * is a matrix, found by repeated squaring in 10 to 20 ms.
 */
export function skipper(steps: number): (state: Int32Array) => Int32Array {
  let power = matrixOf((state) => {
    drawImages(new Uint8Array(1), state);
    return state;
  });
  let skipped = matrixOf((state) => state);
  for (let left = steps; left > 0; left = Math.floor(left / 2)) {
    const factor = power;
    if (left % 2 === 1) skipped = matrixOf((state) => product(factor, product(skipped, state)));
    power = matrixOf((state) => product(factor, product(factor, state)));
  }
  return (state) => product(skipped, state);
}

/** Columns of a linear map: what it makes of each single bit. */
function matrixOf(map: (state: Int32Array) => Int32Array): Int32Array[] {
  return Array.from({ length: BITS }, (_, bit) => {
    const state = new Int32Array(WORDS);
    state[bit >>> 5] = 1 << (bit & 31);
    return map(state);
  });
}

function product(matrix: readonly Int32Array[], state: Int32Array): Int32Array {
  const sum = new Int32Array(WORDS);
  matrix.forEach((column, bit) => {
    if (((state[bit >>> 5]! >>> (bit & 31)) & 1) === 0) return;
    for (let word = 0; word < WORDS; word++) sum[word]! ^= column[word]!;
  });
  return sum;
}
