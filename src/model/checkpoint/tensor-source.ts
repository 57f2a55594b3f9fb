/** Element types of checkpoint tensors. `other` is for tensors that are never read, such as int64 position ids. */
export type CheckpointDtype = 'F32' | 'F16' | 'BF16' | 'other';

/** Description of a tensor whose data has not been read. */
export interface TensorInfo {
  name: string;
  dtype: CheckpointDtype;
  shape: readonly number[];
  /** The file it is stored in, for error messages. */
  file: string;
  /** Element type as the file calls it, where `dtype` is `other`. */
  storedDtype?: string;
  /** Why it cannot be read; a checkpoint with such a tensor is refused only if the model needs it. */
  problem?: string;
}

/** Named tensors of one file or of all shards of a checkpoint, each read on demand. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Raw little-endian bytes of one tensor in its stored dtype, contiguous and row-major.
   * @throws UserError naming file and tensor when the tensor does not exist or the file has been truncated
   */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
