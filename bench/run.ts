import { availableParallelism, cpus } from 'node:os';
import { comparingVal } from './compare-scale.js';
import { decodeStep } from './decode-step.js';
import { largeFile, zipMembers } from './downloads.js';
import { evaluationCosts } from './evaluation-costs.js';
import { helpStart } from './help-start.js';
import { packedQuestions } from './packed-questions.js';
import { parquetProcess } from './parquet-process.js';
import { againstPyTorch, popeAgainstPyTorch } from './pytorch.js';
import { quantisedLayer } from './quantised-layer.js';
import { quantisedVision } from './quantised-vision.js';
import { reportPage } from './report-page.js';
import { measureIdle, measureWorkers } from './sample-runs.js';
import { readingTestDev, scoringVal } from './vqa-scale.js';

/*
 * `npm run bench [name ...]`: measures ratios within one run, which are comparable between machines, and times for
 * files of VQAv2's size. The comparisons with PyTorch need a Python with torch, set LLAVAHR_PYTHON.
 */

const benchmarks: Record<string, () => Promise<string>> = {
  'packed questions': packedQuestions,
  'one question against PyTorch': againstPyTorch,
  'POPE against PyTorch': popeAgainstPyTorch,
  'model idle on the sample': measureIdle,
  'two CPU workers': measureWorkers,
  'quantised layer': quantisedLayer,
  'quantised vision': quantisedVision,
  'step behind a long context': decodeStep,
  'start of --help': helpStart,
  'Parquet images from a separate process': parquetProcess,
  'reading VQAv2 test-dev': readingTestDev,
  'scoring VQAv2 val': scoringVal,
  'comparing two runs of VQAv2 val': comparingVal,
  'download of a large file': largeFile,
  'download of zip members': zipMembers,
  'report page of 10,000 samples': reportPage,
  'estimated costs of a full evaluation': evaluationCosts,
};

console.log(`${cpus()[0]!.model}, ${availableParallelism()} cores`);
const wanted = process.argv.slice(2);
for (const [name, measure] of Object.entries(benchmarks)) {
  if (wanted.length === 0 || wanted.some((part) => name.includes(part))) console.log(`${name}: ${await measure()}`);
}
