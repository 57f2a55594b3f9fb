import { pyStrip } from '../shared/python-strings.js';
import type { MmVetRecord } from './mmvet.js';

/** Verbatim from yuweihao/MM-Vet mm-vet_evaluator.ipynb: any other wording would be a different measurement. */
const EXAMPLES = `Compare the ground truth and prediction from AI models, to give a correctness score for the prediction. <AND> in the ground truth means it is totally right only when all elements in the ground truth are present in the prediction, and <OR> means it is totally right when any one element in the ground truth is present in the prediction. The correctness score is 0.0 (totally wrong), 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, or 1.0 (totally right). Just complete the last space of the correctness score.

Question | Ground truth | Prediction | Correctness
--- | --- | --- | ---
What is x in the equation? | -1 <AND> -5 | x = 3 | 0.0
What is x in the equation? | -1 <AND> -5 | x = -1 | 0.5
What is x in the equation? | -1 <AND> -5 | x = -5 | 0.5
What is x in the equation? | -1 <AND> -5 | x = -5 or 5 | 0.5
What is x in the equation? | -1 <AND> -5 | x = -1 or x = -5 | 1.0
Can you explain this meme? | This meme is poking fun at the fact that the names of the countries Iceland and Greenland are misleading. Despite its name, Iceland is known for its beautiful green landscapes, while Greenland is mostly covered in ice and snow. The meme is saying that the person has trust issues because the names of these countries do not accurately represent their landscapes. | The meme talks about Iceland and Greenland. It's pointing out that despite their names, Iceland is not very icy and Greenland isn't very green. | 0.4
Can you explain this meme? | This meme is poking fun at the fact that the names of the countries Iceland and Greenland are misleading. Despite its name, Iceland is known for its beautiful green landscapes, while Greenland is mostly covered in ice and snow. The meme is saying that the person has trust issues because the names of these countries do not accurately represent their landscapes. | The meme is using humor to point out the misleading nature of Iceland's and Greenland's names. Iceland, despite its name, has lush green landscapes while Greenland is mostly covered in ice and snow. The text 'This is why I have trust issues' is a playful way to suggest that these contradictions can lead to distrust or confusion. The humor in this meme is derived from the unexpected contrast between the names of the countries and their actual physical characteristics. | 1.0
`;

/** The prompt for the judge: the examples, followed by the row to complete. */
export function gradingPrompt({ question, answer }: MmVetRecord, prediction: string): string {
  const truth = answer.replaceAll('<AND>', ' <AND> ').replaceAll('<OR>', ' <OR> ');
  return `${EXAMPLES}\n${[question, truth, prediction, ''].join(' | ')}`;
}

/** Appended to the prompt after the judge answered with something other than a grade. */
export const GRADE_REMINDER = '\nPredict the correctness of the answer (digit): ';

/** Maximum length of a grade, in tokens. */
export const GRADE_MAX_TOKENS = 3;

/**
 * Attempts to get a grade from the judge. The official script makes one more at temperature 2 but ignores the answer.
 */
export const GRADING_ATTEMPTS: readonly { temperature: number; addsReminder: boolean }[] = [
  { temperature: 0, addsReminder: false },
  { temperature: 0, addsReminder: true },
  { temperature: 0.5, addsReminder: true },
  { temperature: 1, addsReminder: true },
  { temperature: 1.5, addsReminder: true },
];

// What Python's float() accepts, except "nan", which the official script would let through, and non-ASCII digits.
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The grade in a judge's answer, 0 to 1: the text before the first space; null when that is not a grade. */
export function parseGrade(content: string | null): number | null {
  const word = pyStrip(content?.split(' ', 1)[0] ?? '');
  if (!NUMBER.test(word)) return null;
  const grade = Number(word);
  return grade >= 0 && grade <= 1 ? grade : null;
}
