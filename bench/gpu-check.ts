import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { queryNvidiaSmi } from '../src/model/inference/nvidia-smi.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { packageVersion } from '../src/shared/version.js';

/*
 * `npm run gpu:check [-- options]`: writes a Markdown report of everything that can only be measured on a machine with
 * a GPU. Each section runs llavahr in separate processes, like a user, and is written when it is done; sections that
 * fail or time out do not stop the others. Needs no network and no checkpoint.
 */

const HELP = `Usage: npm run gpu:check -- [options]

Measure a GPU with llavahr and write a Markdown report.

Options:
  --device <list>      cuda, cuda:N or webgpu, or several (default: cuda)
  --precision <list>   fp32, fp16 (default: fp32,fp16)
  --sections <list>    some of system, self-check, answers, throughput, paper
                       (default: all)
  --benchmarks <list>  samples for the section answers (default: all)
  --model <name>       dimensions for throughput and paper (default: llava-hr-7b)
  --vs <name>          second model of the section paper, or none
                       (default: llava-1.5)
  --repetitions <n>    timed runs in throughput and paper (default: 5)
  --timeout <s>        longest time for one command (default: 600)
  --output <file>      the report (default: gpu-check.md)
  --help               print this help

Sections:
  system       card, driver, libraries, and what llavahr doctor says
  self-check   the device against the CPU: visual tokens, logits, answers
  answers      answers to the samples that equal the CPU's
  throughput   questions per second by batch size, random weights
  paper        the protocol of the paper's speed comparison, random weights
`;

const SECTIONS = ['system', 'self-check', 'answers', 'throughput', 'paper'] as const;

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    precision: { type: 'string', default: 'fp32,fp16' },
    sections: { type: 'string', default: SECTIONS.join(',') },
    benchmarks: { type: 'string', default: 'all' },
    model: { type: 'string', default: 'llava-hr-7b' },
    vs: { type: 'string', default: 'llava-1.5' },
    repetitions: { type: 'string', default: '5' },
    timeout: { type: 'string', default: '600' },
    output: { type: 'string', default: 'gpu-check.md' },
    help: { type: 'boolean', default: false },
  },
});

/** Output and result of a command. */
interface Ran {
  ok: boolean;
  stdout: string;
  /** stdout and stderr in order of arrival. */
  log: string;
  seconds: number;
}

const report: string[] = [];

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const devices = options.device.split(',');
  const precisions = options.precision.split(',');
  const wanted = options.sections.split(',');
  const unknown = wanted.find((name) => !SECTIONS.some((section) => section === name));
  if (unknown !== undefined) {
    process.stderr.write(`--sections: "${unknown}" is not one of ${SECTIONS.join(', ')}.\n`);
    process.exitCode = 2;
    return;
  }
  const has = (section: (typeof SECTIONS)[number]): boolean => wanted.includes(section);
  await add(`# GPU check of llavahr ${packageVersion('llavahr')}`);
  if (has('system')) await section('System', system);
  for (const device of devices) {
    for (const precision of precisions) {
      const where = `${device}, ${precision}`;
      if (has('self-check')) await section(`Self-check: ${where}`, () => selfCheck(device, precision));
      if (has('answers')) await section(`Answers to the samples: ${where}`, () => answers(device, precision));
    }
    // Only one precision: the usual one for GPUs.
    const precision = precisions.includes('fp16') ? 'fp16' : precisions[0]!;
    const where = `${device}, ${precision}`;
    if (has('throughput')) await section(`Batch throughput: ${where}`, () => throughput(device, precision));
    if (has('paper')) await section(`The paper's protocol: ${where}`, () => paper(device, precision));
  }
  process.stderr.write(`Written to ${resolve(options.output)}\n`);
}

/** Appends to the report file. */
async function add(...lines: string[]): Promise<void> {
  report.push(...lines);
  process.stderr.write(`${lines.join('\n')}\n`);
  await writeFile(options.output, `${report.join('\n\n')}\n`);
}

async function section(title: string, run: () => Promise<string[]>): Promise<void> {
  const start = performance.now();
  const sampler = sampleGpu();
  let lines: string[];
  try {
    lines = await run();
  } catch (error) {
    lines = [`**Failed**: ${error instanceof Error ? error.message : error}`];
  }
  const load = await sampler.stop();
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  await add(`## ${title}`, ...lines, `${seconds} s. ${load}`);
}

async function system(): Promise<string[]> {
  const fields = ['name', 'driver_version', 'memory.total', 'memory.free', 'compute_cap', 'power.limit'];
  const gpus = (await queryNvidiaSmi(`--query-gpu=${fields.join(',')}`)) ?? [];
  const folder = join(PACKAGE_ROOT, 'node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch);
  const cuda = join(folder, 'libonnxruntime_providers_cuda.so');
  const libraries = existsSync(cuda) ? (await command('ldd', [cuda])).stdout : '';
  const missing = [...libraries.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]);
  const doctor = await llavahr(['doctor']);
  return [
    table(
      ['', ''],
      [
        ['processor', `${cpus()[0]!.model}, ${cpus().length} cores, ${(totalmem() / 1e9).toFixed(0)} GB`],
        ['Node.js, onnxruntime-node', `${process.versions.node}, ${packageVersion('onnxruntime-node')}`],
        ...gpus.map((gpu, i): [string, string] => [
          `GPU ${i}`,
          fields.map((field, f) => `${field} ${gpu[f]}`).join(', '),
        ]),
        ['CUDA provider', existsSync(cuda) ? 'installed' : 'missing: run llavahr setup-cuda'],
        ['missing libraries', existsSync(cuda) ? missing.join(', ') || 'none' : '-'],
      ],
    ),
    fenced(doctor.log),
  ];
}

/**
 * Self-checks of both embedded models: `eval` runs them before its first answer and stores the results in the model's
 * folder.
 */
async function selfCheck(device: string, precision: string): Promise<string[]> {
  const rows: string[][] = [];
  const failures: string[] = [];
  for (const model of ['llava-hr-tiny', 'llava-1.5-tiny']) {
    const cache = await mkdtemp(join(tmpdir(), 'llavahr-gpu-'));
    const args = ['--model', model, '--device', device, '--precision', precision, '--limit', '2', '--output', cache];
    const ran = await llavahr(['eval', 'textvqa', ...args], { LLAVAHR_CACHE: cache });
    if (!ran.ok) failures.push(`${model}:`, fenced(ran.log));
    for (const check of await readSelfChecks(cache)) {
      rows.push([
        model,
        check.passed ? 'passed' : 'failed',
        check.visualError.toExponential(1),
        check.logitError.toExponential(1),
        check.sameAnswers,
      ]);
    }
  }
  const header = ['model', 'check', 'visual token error', 'logit error', 'same answers'];
  return [table(header, rows), 'Errors are differences from the CPU relative to the largest value.', ...failures];
}

interface Check {
  passed: boolean;
  visualError: number;
  logitError: number;
  sameAnswers: string;
}

async function readSelfChecks(cache: string): Promise<Check[]> {
  const files = await readdir(cache, { recursive: true });
  const found = files.filter((file) => file.endsWith('self-checks.json'));
  const texts = await Promise.all(found.map((file) => readFile(join(cache, file), 'utf8')));
  return texts.flatMap((text) => Object.values(JSON.parse(text) as Record<string, Check>));
}

/** Evaluates the samples on the device and on the CPU, and counts equal answers. */
async function answers(device: string, precision: string): Promise<string[]> {
  const texts: Map<string, string>[] = [];
  const notes: string[] = [];
  for (const where of [device, 'cpu']) {
    const output = await mkdtemp(join(tmpdir(), 'llavahr-gpu-'));
    const ran = await llavahr(
      ['eval', options.benchmarks, '--device', where, '--precision', precision, '--output', output],
      {},
    );
    if (!ran.ok) notes.push(`On ${where}:`, fenced(ran.log.slice(-3000)));
    else notes.push(`On ${where}: ${ran.seconds.toFixed(0)} s`);
    texts.push(await readAnswers(output));
  }
  const [ours, reference] = texts as [Map<string, string>, Map<string, string>];
  const byBenchmark = new Map<string, { same: number; all: number }>();
  for (const [key, text] of reference) {
    const benchmark = key.slice(0, key.indexOf(' '));
    const count = byBenchmark.get(benchmark) ?? { same: 0, all: 0 };
    count.all++;
    if (ours.get(key) === text) count.same++;
    byBenchmark.set(benchmark, count);
  }
  const rows = [...byBenchmark].map(([name, { same, all }]) => [name, `${same} of ${all}`]);
  return [table(['benchmark', 'same answers'], rows), ...notes];
}

/** All answers in a folder of results, by benchmark and question. */
async function readAnswers(output: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of await readdir(output, { recursive: true })) {
    if (!file.endsWith('predictions.jsonl')) continue;
    const benchmark = file.split(/[/\\]/)[0]!.split('-')[0]!;
    for (const line of (await readFile(join(output, file), 'utf8')).split('\n').filter(Boolean)) {
      const { text, ...rest } = JSON.parse(line) as Record<string, unknown>;
      found.set(`${benchmark} ${rest['index'] ?? ''} ${rest['question_id'] ?? ''}`, String(text));
    }
  }
  return found;
}

async function throughput(device: string, precision: string): Promise<string[]> {
  const { model, repetitions } = options;
  const args = ['--random-weights', model, '--precision', precision, '--device', device, '--repetitions', repetitions];
  const ran = await llavahr(['latency', ...args, '--warmup', '1', '--batch-size', '1,4,16', '--new-tokens', '32']);
  return [fenced(ran.ok ? ran.stdout : ran.log)];
}

async function paper(device: string, precision: string): Promise<string[]> {
  const { model, repetitions, vs } = options;
  const against = vs === 'none' ? [] : ['--vs', vs];
  const args = ['--random-weights', model, '--precision', precision, '--device', device, '--repetitions', repetitions];
  const ran = await llavahr(['latency', ...args, ...against, '--protocol', 'paper', '--warmup', '1']);
  return [fenced(ran.ok ? ran.stdout : ran.log)];
}

function llavahr(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return command(process.execPath, [join(PACKAGE_ROOT, 'bin', 'llavahr'), ...args], env);
}

function command(file: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const start = performance.now();
  return new Promise((settle) => {
    const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * Number(options.timeout));
    let stdout = '';
    let log = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      log += chunk;
    });
    child.stderr.on('data', (chunk) => {
      log += chunk;
    });
    child.on('error', (error) => {
      log += error.message;
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) log += `\n(ended with ${signal ?? `exit code ${code}`})`;
      settle({ ok: code === 0, stdout, log, seconds: (performance.now() - start) / 1000 });
    });
  });
}

/** Samples load, power and memory with nvidia-smi every half second until stopped. */
function sampleGpu(): { stop(): Promise<string> } {
  const samples: number[][] = [];
  let running = true;
  const done = (async () => {
    while (running) {
      const lines = await queryNvidiaSmi('--query-gpu=utilization.gpu,power.draw,memory.used', '--id=0');
      if (lines === null) return;
      samples.push(lines[0]!.map(Number));
      await new Promise((wake) => setTimeout(wake, 500));
    }
  })();
  return {
    async stop() {
      running = false;
      await done;
      if (samples.length === 0) return 'No measurements from nvidia-smi.';
      const column = (i: number): number[] => samples.map((sample) => sample[i]!);
      const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      const [load, power, memory] = [column(0), column(1), column(2)];
      return (
        `GPU 0, ${samples.length} samples: utilisation mean ${mean(load).toFixed(0)} %, max ${Math.max(...load)} %; ` +
        `power mean ${mean(power).toFixed(0)} W, max ${Math.max(...power).toFixed(0)} W; ` +
        `memory max ${Math.max(...memory)} MiB.`
      );
    },
  };
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function fenced(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
}
