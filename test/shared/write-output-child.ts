// Child of write-output.test.ts: writes to the path it is given.
import { writeOutput } from '../../src/shared/write-output.js';

await writeOutput(process.argv[2]!, 'content\n');
