import type { Random } from './random.js';

/** A reader of untrusted files, and how to damage its input. */
export interface FuzzTarget {
  /**
   * Writes a case's files to an empty folder and reads them like the program. Any error other than UserError and
   * ImageError is a finding.
   */
  run(folder: string, random: Random): Promise<void>;
}
