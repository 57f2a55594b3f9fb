import { userInfo } from 'node:os';
import { join } from 'node:path';
import { UserError } from './errors.js';

/** The value of an environment variable. An empty variable counts as not set, as `FOO= command` means. */
export function environmentValue(name: string): string | undefined {
  return process.env[name] || undefined;
}

/**
 * A path in an environment variable. A leading `~` is the home folder: a shell does not expand it within quotes, in a
 * Dockerfile or in a service's settings.
 */
export function environmentPath(name: string): string | undefined {
  const path = environmentValue(name);
  return path !== undefined && /^~(?=\/|$)/.test(path) ? join(homeFolder(name), path.slice(1)) : path;
}

/** Where programs keep caches: $XDG_CACHE_HOME, or else ~/.cache. @param remedy variable that makes a home folder unnecessary */
export function userCacheFolder(remedy: string): string {
  return environmentPath('XDG_CACHE_HOME') ?? join(homeFolder(remedy), '.cache');
}

/** @throws UserError when this user has none, as in many containers */
function homeFolder(remedy: string): string {
  const home = environmentValue('HOME') ?? accountFolder();
  if (home) return home;
  throw new UserError(`This user has no home folder. Set ${remedy} to the path of a folder, or HOME.`);
}

function accountFolder(): string | null {
  try {
    return userInfo().homedir;
  } catch {
    return null; // the user id is in no list of users
  }
}
