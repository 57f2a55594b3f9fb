import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Route, startFileServer } from './file-server.js';
import { makeZip } from './zips.js';

/** Small members around a large one, whose writing takes a while. */
const MEMBERS = Array.from({ length: 30 }, (_, i) => ({
  name: `images/${i}.jpg`,
  content: randomBytes(i === 20 ? 30_000_000 : 3000),
  stored: i === 20,
}));

const module = (name: string) => JSON.stringify(new URL(`../../src/fetch/${name}.js`, import.meta.url).href);

/** Runs a program, and kills it as soon as `when` is true. @returns whether it was killed */
async function run(folder: string, program: string, when: () => boolean): Promise<boolean> {
  const file = join(folder, 'extract.mjs');
  await writeFile(file, program);
  const child = spawn(process.execPath, [file], { stdio: 'inherit' });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_code, signal) => resolve(signal)),
  );
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  while (!isOver && !when()) await sleep(2);
  child.kill('SIGKILL');
  return (await exited) === 'SIGKILL';
}

async function killedAndRepeated(programFor: (folder: string) => string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kill-extraction-'));
  const images = join(folder, 'out', 'images');
  const program = programFor(folder);
  const isWriting = () => existsSync(join(images, '20.jpg.part'));
  assert.equal(await run(folder, program, isWriting), true, 'it was killed in the middle of a member');
  assert.equal(existsSync(join(images, '20.jpg')), false, 'nothing half-written has its final name');
  const before = (await readdir(images)).filter((name) => name.endsWith('.jpg'));
  assert.ok(before.length >= 1);
  assert.equal(await run(folder, program, () => false), false);
  assert.deepEqual((await readdir(images)).sort(), MEMBERS.map(({ name }) => name.slice('images/'.length)).sort());
  for (const { name, content } of MEMBERS) assert.ok(content.equals(await readFile(join(folder, 'out', name))), name);
}

const wantedIn = (folder: string) =>
  JSON.stringify(MEMBERS.map(({ name }) => ({ member: name, to: join(folder, 'out', name) })));

test('the next extraction completes a killed one', async () => {
  const zip = await makeZip(MEMBERS);
  const path = join(await mkdtemp(join(tmpdir(), 'kill-archive-')), 'a.zip');
  await writeFile(path, zip);
  await killedAndRepeated(
    (folder) => `import { extractZip } from ${module('extract-zip')};
      await extractZip(${JSON.stringify(path)}, ${wantedIn(folder)});`,
  );
});

test('the next range download completes a killed one', async () => {
  const route: Route = { body: await makeZip(MEMBERS), etag: '"1"' };
  const server = await startFileServer({ '/a.zip': route });
  try {
    await killedAndRepeated(
      (folder) => `import { openRequests } from ${module('http')};
        import { openRemoteZip } from ${module('remote-zip')};
        const requests = openRequests();
        const zip = await openRemoteZip(requests, ${JSON.stringify(`${server.url}/a.zip`)});
        await zip.extract(${wantedIn(folder)});
        await requests.close();`,
    );
  } finally {
    await server.close();
  }
});
