/**
 * "1 question", "2 questions".
 * @param many for words that take no s, or for a phrase: countOf(n, 'file is', 'files are')
 */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
