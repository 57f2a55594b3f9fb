import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import {
  type CudaPackage,
  cudaPackage,
  downloadCudaPackage,
  installCudaPackage,
  isInstalled,
} from '../../src/downloads/cuda-libraries.js';
import { openRequests } from '../../src/fetch/http.js';
import { packageVersion } from '../../src/shared/version.js';
import { startFileServer } from '../fetch/file-server.js';
import { makeZip } from '../fetch/zips.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-cuda-'));
after(() => rm(folder, { recursive: true }));

const requests = openRequests({ retry: { retries: 0, minTimeoutMs: 1 } });
after(() => requests.close());

const LIBRARY = Buffer.alloc(100_000, 'cuda');
const MEMBER = 'runtimes/linux-x64/native/libcuda.so';

/** A NuGet package of one library. */
function nuget(version: string, name = 'Some.Gpu.Linux'): Promise<Buffer> {
  return makeZip([
    {
      name: `${name}.nuspec`,
      content: Buffer.from(`<package><metadata><version>${version}</version></metadata></package>`),
    },
    { name: MEMBER, content: LIBRARY },
    { name: 'runtimes/linux-x64/native/other.so', content: Buffer.from('not wanted') },
  ]);
}

/** What is wanted, in a new folder. */
async function wantedAt(feed: string): Promise<CudaPackage> {
  const to = await mkdtemp(join(folder, 'onnxruntime-'));
  return { name: 'Some.Gpu.Linux', version: '1.2.3', feed, members: [{ member: MEMBER, to: join(to, 'libcuda.so') }] };
}

test('the package matches the installed ONNX Runtime, on Linux x64 only', () => {
  const { name, version, feed, members } = cudaPackage('linux', 'x64');
  assert.equal(name, 'Microsoft.ML.OnnxRuntime.Gpu.Linux');
  assert.equal(version, packageVersion('onnxruntime-node'));
  assert.match(feed, /^https:\/\/api\.nuget\.org\//);
  assert.ok(members.some(({ to }) => to.endsWith('bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so')));
  assert.throws(() => cudaPackage('darwin', 'arm64'), {
    name: 'UserError',
    message: /Linux on x64 only, not for darwin/,
  });
});

test('the package is found through the feed, downloaded and unpacked', async () => {
  const body = await nuget('1.2.3');
  const routes = { '/flat/some.gpu.linux/1.2.3/some.gpu.linux.1.2.3.nupkg': { body } };
  const files = await startFileServer(routes);
  const index = {
    resources: [{ '@type': 'Other' }, { '@type': 'PackageBaseAddress/3.0.0', '@id': `${files.url}/flat` }],
  };
  const feed = await startFileServer({ '/index.json': { body: Buffer.from(JSON.stringify(index)) } });
  try {
    const wanted = await wantedAt(`${feed.url}/index.json`);
    const downloads = join(folder, 'downloads');
    await mkdir(downloads);
    const file = await downloadCudaPackage(requests, wanted, downloads);
    assert.equal(isInstalled(wanted), false);
    await installCudaPackage(wanted, file);
    assert.equal(isInstalled(wanted), true);
    assert.deepEqual(await readFile(wanted.members[0]!.to), LIBRARY);
    assert.deepEqual(await readdir(join(wanted.members[0]!.to, '..')), ['libcuda.so']);
  } finally {
    await Promise.all([files.close(), feed.close()]);
  }
});

test('the error for an unavailable or invalid feed explains how to install from a file', async () => {
  const page = await startFileServer({ '/': { body: Buffer.from('<html>please log in</html>') } });
  const unused = 'http://127.0.0.1:1/index.json';
  try {
    for (const [feed, reason] of [
      [unused, /127\.0\.0\.1:1/],
      [page.url, /did not answer with a NuGet service index/],
      [`${page.url}/none`, /answered 404/],
    ] as const) {
      await assert.rejects(downloadCudaPackage(requests, await wantedAt(feed), folder), (error: Error) => {
        assert.equal(error.name, 'UserError');
        assert.match(error.message, reason);
        assert.match(error.message, /llavahr setup-cuda --from some\.gpu\.linux\.1\.2\.3\.nupkg$/);
        return true;
      });
    }
  } finally {
    await page.close();
  }
});

test('the wrong version, the wrong package and a damaged file are refused, and nothing is installed', async () => {
  const damaged = await nuget('1.2.3');
  damaged.fill(
    0,
    damaged.indexOf(Buffer.from(MEMBER)) + MEMBER.length + 4,
    damaged.indexOf(Buffer.from(MEMBER)) + MEMBER.length + 40,
  );
  const cases: [string, Uint8Array, RegExp][] = [
    ['other-version', await nuget('1.2.4'), /is Some\.Gpu\.Linux version 1\.2\.4; version 1\.2\.3 is required/],
    ['other-package', await nuget('1.2.3', 'Else'), /is missing 1 of 1 required members/],
    ['damaged', damaged, /libcuda\.so" (is damaged|cannot be unpacked|ends after|is longer)/],
    ['no-zip', Buffer.from('<html>'), /cannot be read as a zip archive/],
  ];
  for (const [name, content, message] of cases) {
    const file = join(folder, name);
    await writeFile(file, content);
    const wanted = await wantedAt('');
    await assert.rejects(installCudaPackage(wanted, file), { name: 'UserError', message });
    assert.equal(isInstalled(wanted), false, name);
  }
  await assert.rejects(installCudaPackage(await wantedAt(''), join(folder, 'nothing')), {
    name: 'UserError',
    message: /nothing cannot be read as a zip archive: there is no such file or folder \(ENOENT\)\.$/,
  });
});
