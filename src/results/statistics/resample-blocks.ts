import { drawImages, skipper } from './image-draws.js';

/** Sums of a column by image, without the images whose sum is 0: a category's column is 0 for those of all others. */
export interface ImageSums {
  images: Int32Array;
  sums: Float64Array;
}

/** Sums to compute for a number of resamples. */
export interface Resampling {
  /** Number of images. */
  count: number;
  columns: readonly ImageSums[];
  /** [columns][resamples] */
  resampled: readonly Float64Array[];
}

/** Resamples in a block, which are summed in one pass: an addition takes longer than the processor needs to begin the next. */
const BLOCK = 4;

/** Resamples block by block. @param state of the generator, advanced */
export function resample(resampling: Resampling, state: Int32Array): void {
  const drawn = blockOfDraws(resampling);
  for (let block = 0; block < blocksOf(resampling); block++) resampleBlock(resampling, block, state, drawn);
}

/** A resampling in memory that threads share. They take one block after the other. */
export interface SharedResampling extends Resampling {
  /** The generator's state before each block, four words each. */
  states: Int32Array;
  /** How many blocks were taken. */
  taken: Int32Array;
  /** 1 for each block whose sums are there. */
  done: Uint8Array;
}

/** @param state of the generator before the first block */
export function sharedResampling(resampling: Resampling, state: Int32Array): SharedResampling {
  const { count, columns, resampled } = resampling;
  const blocks = blocksOf(resampling);
  const states = new Int32Array(new SharedArrayBuffer(blocks * state.byteLength));
  const skip = skipper(BLOCK * count);
  let next = state;
  for (let block = 0; block < blocks; block++) {
    states.set(next, block * state.length);
    next = skip(next);
  }
  return {
    ...{ count, states },
    columns: columns.map(({ images, sums }) => ({ images: shared(images), sums: shared(sums) })),
    resampled: resampled.map(shared),
    taken: new Int32Array(new SharedArrayBuffer(4)),
    done: new Uint8Array(new SharedArrayBuffer(blocks)),
  };
}

/** Resamples one block after the other that no thread has taken. */
export function takeBlocks(resampling: SharedResampling): void {
  const { taken, done } = resampling;
  const drawn = blockOfDraws(resampling);
  for (let block = Atomics.add(taken, 0, 1); block < done.length; block = Atomics.add(taken, 0, 1)) {
    resampleBlock(resampling, block, stateBefore(resampling, block), drawn);
    Atomics.store(done, block, 1);
  }
}

/** Resamples the blocks that another thread took and has not finished, or never will: it is one at most, and comes out alike. */
export function finishBlocks(resampling: SharedResampling): void {
  const { done } = resampling;
  const drawn = blockOfDraws(resampling);
  for (let block = 0; block < done.length; block++) {
    if (Atomics.load(done, block) === 0) resampleBlock(resampling, block, stateBefore(resampling, block), drawn);
  }
}

function blocksOf({ resampled }: Resampling): number {
  return Math.ceil((resampled[0]?.length ?? 0) / BLOCK);
}

function blockOfDraws({ count }: Resampling): Uint8Array[] {
  return Array.from({ length: BLOCK }, () => new Uint8Array(count));
}

function stateBefore({ states, done }: SharedResampling, block: number): Int32Array {
  const words = states.length / done.length;
  return states.slice(block * words, (block + 1) * words);
}

/** @param drawn overwritten */
function resampleBlock(
  { columns, resampled }: Resampling,
  block: number,
  state: Int32Array,
  drawn: readonly Uint8Array[],
): void {
  const first = block * BLOCK;
  const wanted = Math.min(BLOCK, resampled[0]!.length - first);
  for (let i = 0; i < wanted; i++) drawImages(drawn[i]!, state);
  columns.forEach((column, i) => {
    resampled[i]!.set(dot(drawn, column).subarray(0, wanted), first);
  });
}

/** The sum of a column in each resample. Each is added in the order of the images, since rounding depends on the order. */
function dot(drawn: readonly Uint8Array[], { images, sums }: ImageSums): Float64Array {
  const [first, second, third, fourth] = drawn as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < images.length; i++) {
    const image = images[i]!;
    const sum = sums[i]!;
    a += first[image]! * sum;
    b += second[image]! * sum;
    c += third[image]! * sum;
    d += fourth[image]! * sum;
  }
  return Float64Array.of(a, b, c, d);
}

function shared<T extends Int32Array | Float64Array>(values: T): T {
  const copy = new (values.constructor as new (buffer: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(values.byteLength),
  );
  copy.set(values);
  return copy;
}
