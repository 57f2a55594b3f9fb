// Child of json-lines.test.ts: appends until it is refused, then prints the lines written and the error.
import { messageOf } from '../../src/shared/errors.js';
import { openJsonLines } from '../../src/shared/json-lines.js';
import { schemaCheck } from '../../src/shared/json-schema.js';

process.on('SIGXFSZ', () => {}); // else the limit kills the process instead of failing the write
const file = await openJsonLines(process.argv[2]!, schemaCheck<object>({ type: 'object' }), () => {});
for (let n = 0; ; n++) {
  try {
    await file.append([{ n, text: 'x'.repeat(100) }]);
  } catch (error) {
    console.log(`${n}\n${messageOf(error)}`);
    break;
  }
}
await file.close();
