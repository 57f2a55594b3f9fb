import type { Downloads } from './downloads.js';

/** Most commands fetch nothing: what fetches is loaded when it is needed. */
export interface DownloadsOnDemand {
  open(): Promise<Downloads>;
  close(): Promise<void>;
}

export function downloadsOnDemand(offline: boolean): DownloadsOnDemand {
  let opening: Promise<Downloads> | undefined;
  return {
    open() {
      opening ??= import('./downloads.js').then(({ openDownloads }) => openDownloads(offline));
      return opening;
    },
    close: async () => (await opening)?.close(),
  };
}
