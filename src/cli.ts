import { Command, CommanderError } from 'commander';
import { addAblate } from './cli/ablate.js';
import { addCompare } from './cli/compare.js';
import { addDoctor } from './cli/doctor.js';
import { addDownload } from './cli/download.js';
import { addEval } from './cli/eval.js';
import { addExport } from './cli/export.js';
import { addLatency } from './cli/latency.js';
import { addList } from './cli/list.js';
import { addMerge } from './cli/merge.js';
import { addReport } from './cli/report.js';
import { addRuns } from './cli/runs.js';
import { addScore } from './cli/score.js';
import { addShow } from './cli/show.js';
import { addVerify } from './cli/verify.js';
import { EXIT, messageOf, UserError } from './errors.js';
import { VERSION } from './version.js';

/*
 * The files in cli/ hold options and help texts only. Each command's module is imported when the command runs, so that
 * `--help` does not load onnxruntime and sharp.
 */

/** Runs the command line and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of a pipe has gone, as in `llavahr ... | head`.
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.done);
  });
  const program = buildProgram();
  try {
    await program.parseAsync(argv as string[]);
  } catch (error) {
    process.exitCode = report(error, argv.includes('--debug'));
  }
}

/** Says what went wrong on stderr; a stack only with --debug or for an error nobody expected. */
function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  console.error(`error: ${messageOf(error)}`);
  if (debug && error instanceof Error) console.error(error.stack);
  else if (!(error instanceof UserError)) console.error('This is unexpected. Run again with --debug for details.');
  return error instanceof UserError ? error.exitCode : EXIT.failed;
}

function buildProgram(): Command {
  const program = new Command('llavahr')
    .description('Evaluate LLaVA-HR and LLaVA-1.5 on vision-language benchmarks.')
    .version(VERSION)
    .option('--debug', 'show stack traces')
    .showHelpAfterError('(add --help for the options)')
    .exitOverride();

  addEval(program);
  addMerge(program);
  addDownload(program);
  addDoctor(program);
  addExport(program);
  addScore(program);
  addList(program);
  addShow(program);
  addVerify(program);
  addCompare(program);
  addAblate(program);
  addLatency(program);
  addReport(program);
  addRuns(program);
  return program;
}
