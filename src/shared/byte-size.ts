/*
 * Sizes for people, in decimal units (1 GB = 1e9 bytes), as disks and downloads are labelled.
 */

/** A size with the unit that suits it: "3.1 MB", "7.1 GB". */
export function byteSize(bytes: number): string {
  return bytes >= 1e9 ? `${gigabytes(bytes)} GB` : `${megabytes(bytes)} MB`;
}

/** For columns and bars that name the unit GB themselves. */
export function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

/** For columns and bars that name the unit MB themselves. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
