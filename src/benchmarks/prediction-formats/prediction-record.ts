/** One answer in a predictions file, and the information in the file about its question. */
export interface PredictionRecord {
  /** Identifies the question: its id, its image's name, or its position in the benchmark or file. */
  id: string | number;
  /**
   * Kind of `id`. `question`: the id in LLaVA's or the benchmark's own files. `source`: an id that another tool took
   * from the benchmark's source files, such as TextVQA's own. `row`: a 0-based number, valid only if the questions are
   * in the same order.
   */
  idKind: 'question' | 'source' | 'image' | 'row';
  /** The row number, if the file has one in addition to the id. */
  row?: number;
  /** The prompt or the question in it; null if the file has none. */
  prompt: string | null;
  /** The correct answer according to the file, if any, for checking that the question is the same. */
  target?: string;
  /** The name of the image according to the file, and the question's categories: they tell equal questions apart. */
  image?: string;
  categories?: readonly string[];
  /** null if the model failed to answer. */
  answer: string | null;
}

/** The contents of files in one format. */
export interface PredictionRecords {
  /** The format's name, for messages. */
  format: string;
  records: PredictionRecord[];
  /** A truncated last line that was skipped, such as "answers.jsonl, line 4711". */
  tornLine?: string;
}
