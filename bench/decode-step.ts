import { bestTimes, cacheInputs, layer, oneLayer } from './one-layer.js';
import { withFolder } from './temporary-folder.js';

/** Contexts of LLaVA-HR-7B at 1,024 px and of LLaVA-1.5-7B at 1,022 px. */
const SHORT = 1100;
const LONG = 5400;

/** One token through one layer of a 7B decoder in int8 behind a short and a long context, and reading the latter's cache. */
export async function decodeStep(): Promise<string> {
  return withFolder(async (folder) => {
    const open = await oneLayer(folder, 'int8');
    const sessions = {
      step: await open('step', (g) => layer(g, 'int8')),
      read: await open('read', (g) => {
        const { key, value } = cacheInputs(g);
        const largest = g.op(
          'Max',
          [key, value].map((part) => g.op('ReduceMax', [part, g.ints([-1])], { keepdims: 1 })),
        );
        g.output('largest', largest, 'float32', ['rows', 'heads', 'past', 1]);
      }),
    };
    const [short, long] = [await bestTimes(sessions, 1, SHORT), await bestTimes(sessions, 1, LONG)];
    const read = long['read']! - short['read']!;
    const ratio = (a: number): string => (a / short['step']!).toFixed(2);
    return (
      `behind ${LONG} tokens it takes ${ratio(long['step']!)} of the time behind ${SHORT}, and ${ratio(long['step']! - read)} ` +
      `without the time to read the further keys and values once (target: at most 1.3)`
    );
  });
}
