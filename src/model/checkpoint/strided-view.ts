import type { PickledTensor } from './torch-globals.js';

/** Where the elements of a tensor are within its storage, and how they are laid out. Sizes in elements. */
export type StridedView = Pick<PickledTensor, 'shape' | 'stride' | 'itemSize'>;

/** Number of elements. */
export function elementCount({ shape }: Pick<StridedView, 'shape'>): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Elements of the storage from the first one of the view to the last, both included. */
export function spannedElements({ shape, stride }: StridedView): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, side, axis) => last + (side - 1) * stride[axis]!, 1);
}

/** Whether the elements follow each other in row-major order, as `Tensor.is_contiguous()` says. */
export function isContiguous({ shape, stride }: StridedView): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/**
 * The elements of a view in row-major order, as `Tensor.contiguous()` gives them.
 * @param span bytes of the storage that the view spans (`spannedElements`), aligned to 4 bytes
 */
export function gatherElements(span: Uint8Array, view: StridedView): Uint8Array {
  const result = new Uint8Array(elementCount(view) * view.itemSize);
  // Elements of 8 bytes are moved as pairs of 4.
  const unit = Math.min(view.itemSize, 4);
  const units = view.itemSize / unit;
  const shape = units === 1 ? view.shape : [...view.shape, units];
  const stride = units === 1 ? view.stride : [...view.stride.map((step) => step * units), 1];
  const [source, target] = [asUnits(span, unit), asUnits(result, unit)];
  let next = 0;
  const copy = (axis: number, from: number): void => {
    if (axis === shape.length) {
      target[next++] = source[from]!;
      return;
    }
    const [side, step] = [shape[axis]!, stride[axis]!];
    if (axis < shape.length - 1) {
      for (let i = 0; i < side; i++) copy(axis + 1, from + i * step);
    } else {
      for (let i = 0; i < side; i++) target[next++] = source[from + i * step]!;
    }
  };
  copy(0, 0);
  return result;
}

function asUnits(
  { buffer, byteOffset, byteLength }: Uint8Array,
  bytes: number,
): Uint8Array | Uint16Array | Uint32Array {
  if (bytes === 4) return new Uint32Array(buffer, byteOffset, byteLength / 4);
  return bytes === 2
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint8Array(buffer, byteOffset, byteLength);
}
