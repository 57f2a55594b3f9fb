import { Command, CommanderError, Option } from 'commander';
import { addAblate } from './cli/ablate.js';
import { addCompare } from './cli/compare.js';
import { addCompletion } from './cli/completion.js';
import { addDoctor } from './cli/doctor.js';
import { addDownload } from './cli/download.js';
import { addEval } from './cli/eval.js';
import { addExport } from './cli/export.js';
import { addHelp, configureHelp } from './cli/help.js';
import { addLatency } from './cli/latency.js';
import { addList } from './cli/list.js';
import { addMerge } from './cli/merge.js';
import { originsOf } from './cli/option-origins.js';
import { addPower } from './cli/power.js';
import { addReport } from './cli/report.js';
import { addRuns } from './cli/runs.js';
import { addScore } from './cli/score.js';
import { addSetupCuda } from './cli/setup-cuda.js';
import { addShow } from './cli/show.js';
import { addTask } from './cli/task.js';
import { addVerify } from './cli/verify.js';
import { addressSpaceAdvice } from './shared/address-space.js';
import { commandLine, setCommandLine } from './shared/command-line.js';
import { EXIT, messageOf, UserError } from './shared/errors.js';
import { closeLog, LOG_LEVELS, type LogLevel, logEvent, openLog, say } from './shared/log.js';
import { redactArguments } from './shared/redact.js';
import { surviveLostStreams } from './shared/standard-streams.js';
import { endOnWarningSignals } from './shared/stop-signals.js';
import { systemErrorMessage } from './shared/system-errors.js';
import { VERSION } from './shared/version.js';

/*
 * The files in cli/ only define options and help texts. A command's module is imported when the command runs, so that
 * `--help` loads neither onnxruntime nor sharp.
 */

/** Runs the command line and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  surviveLostStreams();
  endOnWarningSignals();
  endOnUncaughtErrors(argv);
  let words = argv;
  const explain = (message: string): string => originsOf(message, argv, words);
  const program = buildProgram(explain);
  try {
    checkWorkingFolder();
    words = await withOptionsOfFile(argv, program);
    setCommandLine(words.slice(2));
    await program.parseAsync([...words]);
  } catch (error) {
    process.exitCode = report(error, argv.includes('--debug'), explain);
  }
  logEvent('info', 'end', { exitCode: Number(process.exitCode ?? 0), seconds: process.uptime() });
  closeLog();
}

/** Reports what no caller could catch as other errors are. Processes that this one started end with it. */
function endOnUncaughtErrors(argv: readonly string[]): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => process.exit(report(error, argv.includes('--debug'))));
  }
}

/** Imports what reads the file only if there is one: `--help` should not wait for it. */
async function withOptionsOfFile(argv: readonly string[], program: Command): Promise<string[]> {
  // What is being completed may name a file that is not there yet.
  if (argv[2] === 'complete' || !argv.some((word) => /^--config(=|$)/.test(word))) return [...argv];
  const { withConfig } = await import('./cli/config-file.js');
  return withConfig(argv, program);
}

/** @throws UserError in a folder that was deleted, where every path fails in a way of its own */
function checkWorkingFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new UserError('The working folder was deleted. Change to another one, for example with `cd`.', {
      cause: error,
    });
  }
}

/**
 * Reports an error on stderr, with a stack trace only if --debug is set. Returns the exit code.
 * @param explain what to add to the message of an error that was expected
 */
function report(error: unknown, debug: boolean, explain: (message: string) => string = nothing): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const systemMessage = systemErrorMessage(error);
  const advice = addressSpaceAdvice(messageOf(error));
  say('error', `error: ${systemMessage ?? messageOf(error)}${advice === '' ? '' : `.${advice}`}`);
  const explanation = error instanceof UserError ? explain(error.message) : '';
  if (explanation !== '') say('error', explanation);
  const isExpected = error instanceof UserError || systemMessage !== null || advice !== '';
  logEvent('error', 'failure', { message: messageOf(error), stack: (error instanceof Error && error.stack) || null });
  if (debug && error instanceof Error) console.error(error.stack);
  else if (!isExpected) say('error', 'This is a bug in llavahr. Rerun with --debug for a stack trace.');
  return error instanceof UserError ? error.exitCode : EXIT.failed;
}

function nothing(): string {
  return '';
}

/** @param explain what to add to the message of a usage error, if anything */
export function buildProgram(explain: (message: string) => string = nothing): Command {
  const program = configureHelp(new Command('llavahr'), explain)
    .description('Evaluate LLaVA-HR and LLaVA-1.5 on vision-language benchmarks.')
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false) // it would show all commands for an unknown one
    .option('--config <file>', 'JSON file with options of any command; options on the command line win')
    .option('--debug', 'show stack traces')
    .addOption(
      new Option('--log-level <level>', 'verbosity of stderr and of the log file').choices(LOG_LEVELS).default('info'),
    )
    .option('--log-file <file>', 'append events to this file, as JSON Lines')
    .hook('preAction', (command) => {
      const { logLevel, logFile } = command.opts<{ logLevel: LogLevel; logFile?: string }>();
      openLog(logLevel, logFile);
      logEvent('info', 'start', { argv: redactArguments(commandLine()), version: VERSION, node: process.version });
    })
    .showHelpAfterError('(run with --help to see the options)')
    .exitOverride();

  addEval(program);
  addMerge(program);
  addDownload(program);
  addDoctor(program);
  addSetupCuda(program);
  addExport(program);
  addScore(program);
  addList(program);
  addShow(program);
  addTask(program);
  addVerify(program);
  addCompare(program);
  addPower(program);
  addAblate(program);
  addLatency(program);
  addReport(program);
  addRuns(program);
  addCompletion(program);
  addHelp(program);
  return program;
}
