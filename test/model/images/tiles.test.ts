import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Tiling } from '../../../src/model/architecture.js';
import { cutTiles, maxTiledTokens, maxTiles, tileOrder } from '../../../src/model/images/tiles.js';
import { fixture } from '../../fixtures.js';
import { madeUpPicture } from '../made-up-checkpoint.js';

interface RecordedTiles {
  width: number;
  height: number;
  /** Digest of the tiles' pixels; of the first few sizes only. */
  pixels?: string;
  /** Number of visual tokens, and digest of their order. */
  tokens: number;
  order: string;
}

/** What LLaVA and transformers do, see test/fixtures/family/make_next.py. */
const recorded = JSON.parse(readFileSync(fixture('family', 'tiles.json'), 'utf8')) as {
  pinpoints: [number, number][];
  llava: RecordedTiles[];
  transformers: RecordedTiles[];
};
const digest = (data: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')
    .slice(0, 16);

const [SIDE, GRID] = [336, 24];
const TILINGS: Record<'llava' | 'transformers', Tiling> = {
  llava: { sizes: recorded.pinpoints, roundsBeforeTruncating: false },
  transformers: {
    sizes: recorded.pinpoints.map(([height, width]) => [width, height]),
    roundsBeforeTruncating: true,
  },
};

for (const [name, tiling] of Object.entries(TILINGS) as ['llava' | 'transformers', Tiling][]) {
  test(`the order of visual tokens equals that of ${name} for 157 sizes, the pixels of tiles for 7`, () => {
    let withPixels = 0;
    for (const { width, height, pixels, tokens, order } of recorded[name]) {
      const size = `${width} x ${height}`;
      const own = tileOrder({ width, height }, SIDE, GRID, tiling);
      assert.equal(own.length, tokens, size);
      assert.equal(digest(own), order, size);
      assert.ok(own.length <= maxTiledTokens(tiling, SIDE, GRID));
      if (pixels === undefined) continue;
      const picture = madeUpPicture(`${width}x${height}`, width, height);
      const cut = cutTiles(picture, { width, height }, SIDE, tiling);
      assert.equal(digest(cut), pixels, size);
      assert.ok(cut.length / (SIDE * SIDE * 3) <= maxTiles(tiling, SIDE));
      withPixels++;
    }
    assert.deepEqual([recorded[name].length, withPixels], [157, 7]);
  });
}

test('an image too elongated for any size is refused, as the official code ends there', () => {
  assert.throws(() => tileOrder({ width: 5000, height: 1 }, SIDE, GRID, TILINGS.llava), {
    name: 'ImageError',
    message: 'it is 5000 x 1, too elongated to be cut into tiles',
  });
});
