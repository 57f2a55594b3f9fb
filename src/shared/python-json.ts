/**
 * JSON as Python's `json.dumps` writes it: ASCII only, with spaces after commas and colons. The official scripts write their
 * files so, and a file that is equal byte for byte can be compared by its hash. Numbers must be integers.
 * @param indent spaces per level; without it, everything is on one line
 */
export function pythonJson(value: unknown, indent?: number): string {
  return write(value, indent, '');
}

function write(value: unknown, indent: number | undefined, margin: string): string {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = indent === undefined ? '' : `${margin}${' '.repeat(indent)}`;
  const parts = Array.isArray(value)
    ? value.map((item) => write(item, indent, inner))
    : Object.entries(value).map(([key, item]) => `${text(key)}: ${write(item, indent, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0 || indent === undefined) return `${open}${parts.join(', ')}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`;
}

function text(value: string): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
