import assert from 'node:assert/strict';
import test from 'node:test';
import { lmmsEvalReport, notByLmmsEval } from '../../../src/results/reports/report-lmms-eval.js';
import { runResult } from '../samples.js';

const POPE = { f1: 87.6, accuracy: 88, precision: 93, recall: 82, 'yes-ratio': 44, 'adversarial/f1': 80 };

test("scores get lmms-eval's names of tasks and metrics, percentages become fractions, points stay", () => {
  const mme = runResult({ benchmark: 'mme', split: 'test' }, { perception: 1554.9, cognition: 300 });
  mme.metrics.points = ['perception', 'cognition'];
  const runs = [
    runResult({}, { accuracy: 67.1 }),
    runResult({ benchmark: 'pope', split: 'test' }, POPE),
    mme,
    runResult({ benchmark: 'mmvet', split: 'test' }, { total: 31.5 }),
    runResult({ benchmark: 'ocrvqa', split: 'test-dev' }, { accuracy: 68 }),
  ];
  for (const run of runs) run.metrics.split = run.record.identity.split;
  const report = JSON.parse(lmmsEvalReport(runs));
  assert.deepEqual(Object.keys(report.results), ['textvqa_val', 'pope', 'mme', 'mmvet', 'ocrvqa_test_dev']);
  assert.deepEqual(report.results.textvqa_val, {
    ...{ alias: 'textvqa_val', samples: 5000 },
    ...{ 'exact_match,none': 0.6709999999999999, 'exact_match_stderr,none': 'N/A' },
  });
  const { pope_f1_score: _, ...higher } = report.higher_is_better.pope;
  assert.deepEqual(Object.keys(higher), ['pope_accuracy', 'pope_precision', 'pope_recall', 'pope_yes_ratio']);
  assert.equal(report.results.pope['pope_f1_score,none'], 0.8759999999999999);
  assert.equal(report.results.mme['mme_perception_score,none'], 1554.9);
  assert.equal(report.results.mmvet['gpt_eval_score,none'], 31.5);
  assert.equal(report.results.ocrvqa_test_dev['accuracy,none'], 0.68);
  assert.deepEqual(report['n-samples'].textvqa_val, { original: 5000, effective: 5000 });
  const { date, model_name, config, total_evaluation_time_seconds } = report;
  assert.deepEqual(
    { date, model_name, args: config.model_args, device: config.device, total_evaluation_time_seconds },
    {
      ...{ date: '20260102_040405', model_name: 'llava-hr-7b', device: 'cpu', total_evaluation_time_seconds: '500' },
      args: 'pretrained=llava-hr-7b,resolution=1024,precision=fp32',
    },
  );
});

test('a part of the questions is not taken for the whole, nor another protocol for lmms-eval', () => {
  const part = runResult({ protocol: { protocol: 'llava', sample: 20, seed: 0 } });
  part.metrics.n = 20;
  const report = JSON.parse(lmmsEvalReport([part], () => 5000));
  assert.deepEqual(report['n-samples'].textvqa_val, { original: 5000, effective: 20 });
  const own = runResult({ benchmark: 'pope', split: 'test', protocol: { protocol: 'lmms-eval' } });
  own.metrics = { ...own.metrics, benchmark: 'pope', split: 'test' };
  assert.deepEqual(notByLmmsEval([part, own]), ['textvqa']);
});

test('a file is about one model, and has each task once', () => {
  const other = runResult({ model: { ...runResult().record.identity.model, resolution: 384 } });
  assert.throws(() => lmmsEvalReport([runResult(), other]), {
    exitCode: 2,
    message: /about one model; these runs are of several: llava-hr-7b at 1024 px, fp32 on cpu; .* 384 px/,
  });
  assert.throws(() => lmmsEvalReport([runResult(), runResult()]), { exitCode: 2, message: /task textvqa_val/ });
});
