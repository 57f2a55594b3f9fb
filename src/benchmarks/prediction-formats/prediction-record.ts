/** One answer of a predictions file, and what the file says about the question it answers. */
export interface PredictionRecord {
  /** What the file calls the question: its id, the name of its image, or its row. */
  id: string | number;
  idKind: 'question' | 'image' | 'row';
  /** The row, where the file has it beside an id. */
  row?: number;
  /** The prompt or the question in it; null where the file has none. */
  prompt: string | null;
  /** null where the program could make none. */
  answer: string | null;
}

/** What files of one format hold. */
export interface PredictionRecords {
  /** The format's name for messages. */
  format: string;
  records: PredictionRecord[];
}
