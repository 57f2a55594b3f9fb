/** Formats that are recognised but not decoded, by their first bytes as Latin-1 text. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  'a JPEG 2000 image': ['\0\0\0\x0cjP  ', '\xff\x4f\xff\x51'],
  'a JPEG XL image': ['\0\0\0\x0cJXL ', '\xff\x0a'],
  'a Photoshop image': ['8BPS'],
  'an icon file': ['\0\0\x01\0', '\0\0\x02\0'],
};
/** Brands of ISO media files, which stand in bytes 4 to 12. */
const BRANDS: Readonly<Record<string, RegExp>> = {
  'an AVIF image': /^ftypavi[fs]/,
  'a HEIC image': /^ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/,
};

/** What a file is that is not an image of a supported format, and what to do; null when that is not known. */
export function nameFormat(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  const format =
    Object.keys(FORMATS).find((name) => FORMATS[name]!.some((beginning) => start.startsWith(beginning))) ??
    Object.keys(BRANDS).find((name) => BRANDS[name]!.test(start.slice(4)));
  if (format !== undefined) return saveAsPng(format);
  if (/^\s*(<\?xml.*<svg|<svg)/is.test(start)) return 'an SVG drawing. Render it to PNG.';
  if (/^\s*<(!doctype html|html)/i.test(start)) return 'a web page. The download failed: download the image again.';
  if (start.startsWith('%PDF')) return 'a PDF document. Render its page to PNG.';
  if (start.startsWith('version https://git-lfs')) return 'a Git LFS pointer. Run "git lfs pull" in its folder.';
  return null;
}

/** What a file is and that it is not decoded, with a command that converts it. */
export function saveAsPng(format: string): string {
  return (
    `${format}, which is not decoded here. Save it as PNG under the same name, which keeps every pixel: ` +
    `python -c "import sys; from PIL import Image; f = sys.argv[1]; Image.open(f).convert('RGB').save(f, 'PNG')" <file>`
  );
}
