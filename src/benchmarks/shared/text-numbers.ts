import { enlarged } from './enlarged.js';

/** Numbers texts in the order in which they first appear, without making a string of one that is known. */
export interface TextNumbers {
  /**
   * The number of a text between quotation marks.
   * @param start behind the opening mark
   * @param end at the closing mark
   * @param hash over the bytes between, the same for equal ones
   * @throws SyntaxError when JSON does not allow the text, TypeError when it is not UTF-8
   */
  of(bytes: Uint8Array, start: number, end: number, hash: number): number;
  /** By number. Two that are written differently in JSON may be equal. */
  texts: string[];
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A hash table over bytes, with linear probing: a `Map` would need a string of each text to look it up. */
export function textNumbers(): TextNumbers {
  const texts: string[] = [];
  let slots = new Int32Array(1 << 16); // number + 1; 0 where free
  let hashes = new Int32Array(slots.length); // by number, as are starts
  let starts = new Int32Array(slots.length + 1);
  let written = new Uint8Array(1 << 20); // all texts, one behind the other

  const freeSlot = (hash: number): number => {
    let slot = slotOf(hash, slots.length);
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
    return slot;
  };

  const add = (bytes: Uint8Array, start: number, end: number, hash: number): number => {
    const number = texts.length;
    texts.push(JSON.parse(UTF8.decode(bytes.subarray(start - 1, end + 1))) as string);
    const place = starts[number]!;
    if (place + end - start > written.length) written = enlarged(written, place + end - start);
    written.set(bytes.subarray(start, end), place);
    hashes[number] = hash;
    starts[number + 1] = place + end - start;
    slots[freeSlot(hash)] = number + 1;
    if (texts.length * 2 > slots.length) {
      slots = new Int32Array(slots.length * 2);
      hashes = enlarged(hashes, slots.length);
      starts = enlarged(starts, slots.length + 1);
      for (let i = 0; i < texts.length; i++) slots[freeSlot(hashes[i]!)] = i + 1;
    }
    return number;
  };

  const isAt = (number: number, bytes: Uint8Array, start: number, end: number): boolean => {
    const all = written; // local: a loop over what other functions may replace is slower
    let place = starts[number]!;
    if (starts[number + 1]! - place !== end - start) return false;
    for (let at = start; at < end; at++) if (bytes[at] !== all[place++]) return false;
    return true;
  };

  return {
    texts,
    of(bytes, start, end, hash) {
      const last = slots.length - 1;
      for (let slot = slotOf(hash, slots.length); slots[slot] !== 0; slot = (slot + 1) & last) {
        const number = slots[slot]! - 1;
        if (hashes[number] === hash && isAt(number, bytes, start, end)) return number;
      }
      return add(bytes, start, end, hash);
    },
  };
}

function slotOf(hash: number, slots: number): number {
  return (hash ^ (hash >>> 15)) & (slots - 1);
}
