import { script } from '@bomb.sh/tab';
import { EXIT } from '../shared/errors.js';

const NAME = 'llavahr';

/** `llavahr completion`: prints a script for the shell, which asks `llavahr complete` for what can follow. */
export function completionCommand(shell: 'bash' | 'zsh' | 'fish'): number {
  // The bash script must not run twice, as in a second `source ~/.bashrc`: it sets read-only variables.
  if (shell === 'bash') console.log(`if ! declare -F __${NAME}_complete >/dev/null; then`);
  script(shell, NAME, NAME);
  // Registered again with file names, for options that take a file or folder.
  if (shell === 'bash') console.log(`fi\ncomplete -o default -F __${NAME}_complete ${NAME}`);
  return EXIT.done;
}
