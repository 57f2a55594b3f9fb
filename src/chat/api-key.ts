import { environmentValue } from '../shared/environment.js';
import { UserError } from '../shared/errors.js';

/**
 * A server's API key from an environment variable; undefined without a variable.
 * @param owner for the message: "server" or "judge"
 * @throws UserError when the variable is not set or empty
 */
export function readApiKey(variable: string | undefined, owner: 'server' | 'judge'): string | undefined {
  if (variable === undefined) return undefined;
  const key = environmentValue(variable)?.trim();
  if (key) return key;
  throw new UserError(`The environment variable ${variable} is not set or empty. Set it to the ${owner}'s API key.`);
}
