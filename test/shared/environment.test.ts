import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import test, { type TestContext } from 'node:test';
import {
  cacheFolder,
  defaultDataFolder,
  hubCacheFolder,
  hubFolder,
  variableOf,
} from '../../src/shared/cache-folder.js';
import { environmentPath, environmentValue } from '../../src/shared/environment.js';

const NAMES = [
  'HOME',
  'XDG_CACHE_HOME',
  'LLAVAHR_CACHE',
  'LLAVAHR_DATA',
  'HF_HOME',
  'HF_HUB_CACHE',
  'HUGGINGFACE_HUB_CACHE',
];

function setOnly(t: TestContext, values: Record<string, string>): void {
  const before = new Map(NAMES.map((name) => [name, process.env[name]]));
  t.after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, values);
}

test('~ is the home folder at the start of a path only', (t) => {
  setOnly(t, { HOME: '/home/a', LLAVAHR_CACHE: '~/cc', LLAVAHR_DATA: '~', HF_HOME: '~b/hf~', HF_HUB_CACHE: './~/hub' });
  assert.equal(cacheFolder(), '/home/a/cc');
  assert.equal(defaultDataFolder(), '/home/a');
  assert.equal(hubFolder(), '~b/hf~');
  assert.equal(hubCacheFolder(), './~/hub');
});

test('an empty variable is no variable', (t) => {
  const empty = Object.fromEntries(NAMES.map((name) => [name, '']));
  setOnly(t, { ...empty, HOME: '/home/a' });
  assert.equal(environmentValue('LLAVAHR_CACHE'), undefined);
  assert.equal(environmentPath('HF_HOME'), undefined);
  assert.equal(cacheFolder(), '/home/a/.cache/llavahr');
  assert.equal(defaultDataFolder(), '/home/a/.cache/llavahr/data');
  assert.equal(hubCacheFolder(), '/home/a/.cache/huggingface/hub');
  process.env['HOME'] = '';
  process.env['XDG_CACHE_HOME'] = '/x';
  assert.equal(cacheFolder(), '/x/llavahr');
  delete process.env['XDG_CACHE_HOME'];
  assert.equal(cacheFolder(), `${homedir() || '/root'}/.cache/llavahr`);
});

test('names the variable that moves a folder', (t) => {
  setOnly(t, { HOME: '/home/a', HF_HOME: '/hf', LLAVAHR_DATA: '/data/b' });
  const places: [string, string | null][] = [
    ['/home/a/.cache/llavahr/models/x', 'LLAVAHR_CACHE'],
    ['/home/a/.cache/llavahr', 'LLAVAHR_CACHE'],
    ['/home/a/.cache/llavahr2', null],
    ['/data/b/textvqa', 'LLAVAHR_DATA'],
    ['/hf/hub/models--a--b', 'HF_HUB_CACHE'],
    ['/hf/token', 'HF_HOME'],
    ['results/x', null],
  ];
  for (const [path, variable] of places) assert.equal(variableOf(path), variable, path);
});
