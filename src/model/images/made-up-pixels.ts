/**
 * Fills pixels with smooth colours and some noise: flat images would hide errors and compress to nothing, and pure noise is
 * unlike any photo. The same arguments give the same bytes.
 * @param noiseRange number of grey levels that the noise covers
 */
export function madeUpPixels(bytes: number, noiseRange: number): Uint8Array {
  const pixels = new Uint8Array(bytes);
  let noise = 1;
  for (let i = 0; i < bytes; i++) {
    noise = (noise * 48271) % 0x7fffffff; // Lehmer's generator, MINSTD
    pixels[i] = 96 + 64 * Math.sin(i / 5000) + (noise % noiseRange);
  }
  return pixels;
}
