/**
 * Whether this machine has a process with a number, which may be a later one with the same number.
 * @returns null if the system does not tell
 */
export function processExists(pid: number): boolean | null {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    return code === 'EPERM' ? true : null; // EPERM: another user's process
  }
}
