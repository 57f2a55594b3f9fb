/** A decoded image. */
export interface RgbImage {
  width: number;
  height: number;
  /** RGB, 8 bit, [height, width, 3] */
  pixels: Uint8Array;
}
