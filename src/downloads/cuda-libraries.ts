import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { downloadFile } from '../fetch/download-file.js';
import { extractZip } from '../fetch/extract-zip.js';
import type { Requests } from '../fetch/http.js';
import { messageOf, UserError } from '../shared/errors.js';
import { boundedBody } from '../shared/http/bounded-body.js';
import { parseJson } from '../shared/parse-json.js';

/*
 * ONNX Runtime's npm package does not include the CUDA libraries because of their size; they are in a NuGet package.
 * The package and files for the installed version are read from the metadata of ONNX Runtime's own install script
 * (onnxruntime-node/script/install-metadata.js). That script is not used: it cannot resume, use HTTPS_PROXY or read a
 * local file, and (in 1.30.0) ignores `--onnxruntime-node-install=cuda12` when npm starts it.
 */

const MAX_INDEX_BYTES = 1 << 20;

/** The NuGet package with the CUDA libraries of the installed ONNX Runtime, and where its files go. */
export interface CudaPackage {
  name: string;
  version: string;
  /** URL of the feed's service index. */
  feed: string;
  /** Members of the package and the files to extract them to. */
  members: { member: string; to: string }[];
}

/** Part of onnxruntime-node/script/install-metadata.js. */
interface InstallMetadata {
  requirements: Record<string, string[]>;
  manifests: Record<string, Record<string, { package: string; path: string }>>;
  packages: Record<string, { name: string; versions: { feed: string; version: string }[] }>;
  feeds: Record<string, { type: string; index: string }>;
}

/**
 * The CUDA libraries for this computer.
 * @throws UserError when ONNX Runtime has none for it
 */
export function cudaPackage(platform: string = process.platform, arch: string = process.arch): CudaPackage {
  const require = createRequire(import.meta.url);
  const root = dirname(require.resolve('onnxruntime-node/package.json'));
  const metadata = require(join(root, 'script', 'install-metadata.js')) as InstallMetadata;
  const key = `${platform}/${arch}`;
  const manifest = metadata.manifests[`${key}:${metadata.requirements[key]?.find((name) => name.startsWith('cuda'))}`];
  if (manifest === undefined) {
    throw new UserError(`ONNX Runtime for Node.js has CUDA libraries for Linux on x64 only, not for ${key}.`);
  }
  const { name, versions } = metadata.packages[Object.values(manifest)[0]!.package]!;
  const { feed, version } = versions[0]!;
  const folder = join(root, 'bin', 'napi-v6', platform, arch);
  const members = Object.entries(manifest).map(([file, { path }]) => ({ member: path, to: join(folder, file) }));
  return { name, version, feed: metadata.feeds[feed]!.index, members };
}

/** Whether all its files exist. */
export function isInstalled({ members }: CudaPackage): boolean {
  return members.every(({ to }) => existsSync(to));
}

/**
 * Downloads the package, resuming an earlier download.
 * @param folder where to keep the package
 * @returns its path
 * @throws UserError when it cannot be downloaded; the message explains how to install it from a file
 */
export async function downloadCudaPackage(
  requests: Requests,
  { name, version, feed }: CudaPackage,
  folder: string,
  onProgress?: (doneBytes: number, totalBytes: number | null) => void,
): Promise<string> {
  const path = join(folder, packageFile({ name, version }));
  try {
    const base = await packageBase(requests, feed);
    const url = `${base}${name.toLowerCase()}/${version}/${packageFile({ name, version })}`;
    await downloadFile(requests, { urls: [url], format: 'zip' }, path, { onProgress });
    return path;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `The CUDA libraries could not be downloaded: ${error.message}\nOn a machine that reaches nuget.org, download the ` +
        `package ${name} ${version} (${packageFile({ name, version })}), copy it here and run:\n  ` +
        `llavahr setup-cuda --from ${packageFile({ name, version })}`,
      { cause: error },
    );
  }
}

/** Name of the package's file. Source: NuGet, "Package Content" resource: lower-case id and version. */
function packageFile({ name, version }: Pick<CudaPackage, 'name' | 'version'>): string {
  return `${name}.${version}.nupkg`.toLowerCase();
}

/** Where a NuGet feed keeps packages. Source: NuGet, "Service index" and "Package Content" resources. */
async function packageBase(requests: Requests, feed: string): Promise<string> {
  const response = await requests.get(feed);
  const base = baseAddress((await boundedBody(response, MAX_INDEX_BYTES)).toString('utf8'));
  if (base === null) throw new UserError(`${feed} did not answer with a NuGet service index`);
  return base.endsWith('/') ? base : `${base}/`;
}

/** null if the text is not a service index. */
function baseAddress(index: string): string | null {
  try {
    const { resources } = parseJson(index) as { resources: { '@type': unknown; '@id': unknown }[] };
    const base = resources.find((resource) => resource['@type'] === 'PackageBaseAddress/3.0.0')?.['@id'];
    return typeof base === 'string' ? base : null;
  } catch {
    return null; // a proxy's login page, for example
  }
}

/**
 * Unpacks the libraries next to ONNX Runtime's own. Each file gets its final name once it is complete and verified.
 * @param file the NuGet package
 * @throws UserError when it is the wrong package or version or damaged, or the folder is not writable
 */
export async function installCudaPackage(
  wanted: CudaPackage,
  file: string,
  onProgress?: (doneBytes: number, totalBytes: number) => void,
): Promise<void> {
  await checkVersion(wanted, file);
  const folder = dirname(wanted.members[0]!.to);
  await access(folder, constants.W_OK).catch((error) => {
    throw new UserError(
      `${folder} is not writable: ${messageOf(error)}. Run setup-cuda as the user who installed llavahr.`,
      { cause: error },
    );
  });
  await extractZip(file, wanted.members, { onProgress });
}

/** @throws UserError unless the file is the NuGet package that belongs to the installed ONNX Runtime */
async function checkVersion({ name, version }: CudaPackage, file: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-nuspec-'));
  try {
    const nuspec = join(folder, 'nuspec');
    await extractZip(file, [{ member: `${name}.nuspec`, to: nuspec }]);
    const found = /<version>([^<]*)<\/version>/.exec(await readFile(nuspec, 'utf8'))?.[1]?.trim();
    if (found !== version) {
      throw new UserError(
        `${basename(file)} is ${name} version ${found ?? 'unknown'}; version ${version} is required.`,
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
