/** Element types a checkpoint may hold. `other` is for tensors nothing reads, such as int64 position ids. */
export type CheckpointDtype = 'F32' | 'F16' | 'BF16' | 'other';

/** Where one tensor is and what it is; nothing is read yet. */
export interface TensorInfo {
  name: string;
  dtype: CheckpointDtype;
  shape: readonly number[];
  /** File that holds it, for error messages. */
  file: string;
}

/** Named tensors of one file or of all shards of a checkpoint, read lazily and one at a time. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Raw little-endian bytes of one tensor in its stored dtype, contiguous and row-major.
   * @throws UserError naming file and tensor when it is absent or the file is shorter than its header says
   */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
