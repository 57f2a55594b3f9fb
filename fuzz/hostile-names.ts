/** File and member names that leave their folder, or that cause trouble in a file system or terminal. */
export const HOSTILE_NAMES: readonly string[] = [
  ...[
    '..',
    '../..',
    '../../etc/passwd',
    '/etc/passwd',
    '/dev/zero',
    '/dev/stdin',
    './.',
    '.',
    '',
    '//',
    '~/.ssh/id_rsa',
  ],
  ...['..\\..\\x', 'C:\\x', '\\\\server\\share', 'a\0b', '\0', 'a\nb', '\u001b]0;x\u0007', 'CON', 'a/../../b', 'a//b'],
  ...['%2e%2e/x', '\ufeff', '\u202e', 'x'.repeat(300), 'd/'.repeat(3000), '__proto__', '-rf', 'file:///etc/passwd'],
];
