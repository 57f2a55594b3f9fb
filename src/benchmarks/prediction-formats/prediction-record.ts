/** One answer of a predictions file, and what the file says about the question it answers. */
export interface PredictionRecord {
  /** What the file calls the question: its id, the name of its image, or its place in the benchmark or the file. */
  id: string | number;
  /**
   * What `id` is. `question`: the id of LLaVA's files or of the benchmark's own. `source`: an id that another tool took
   * from the benchmark's source files, such as TextVQA's own. `row`: a number counted from 0, which only holds if the
   * questions are in the same order.
   */
  idKind: 'question' | 'source' | 'image' | 'row';
  /** The row, if the file has it beside an id. */
  row?: number;
  /** The prompt or the question in it; null if the file has none. */
  prompt: string | null;
  /** The right answer according to the file, if it has one: a witness that the question is the same. */
  target?: string;
  /** null if no answer could be made. */
  answer: string | null;
}

/** What files of one format hold. */
export interface PredictionRecords {
  /** The format's name for messages. */
  format: string;
  records: PredictionRecord[];
  /** A last line that was cut off and left out, such as "answers.jsonl, line 4711". */
  tornLine?: string;
}
