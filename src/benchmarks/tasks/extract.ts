import { type Matcher, RE2JS } from 're2js';
import { messageOf } from '../../shared/errors.js';
import type { TaskExtract } from './task-file.js';

/*
 * Patterns of task files are untrusted and answers are arbitrary, so they run in RE2, whose time is linear in the length of the
 * answer: no pattern can backtrack for ever.
 */

/** @returns the compiled patterns, or a message about one that is invalid */
export function compilePatterns(patterns: readonly string[]): RE2JS[] | { message: string } {
  const compiled: RE2JS[] = [];
  for (const [i, pattern] of patterns.entries()) {
    try {
      compiled.push(RE2JS.compile(pattern));
    } catch (error) {
      return { message: `[${i}] is no RE2 pattern (${messageOf(error)}); lookaround and back references do not exist` };
    }
  }
  return compiled;
}

/** The first group that took part in a match: of alternatives with a group each, all but one did not. */
function matched(matcher: Matcher): string {
  const groups = Array.from({ length: matcher.groupCount() }, (_, i) => matcher.group(i + 1));
  return groups.find((group) => group != null) ?? (groups.length > 0 ? '' : (matcher.group() ?? ''));
}

/**
 * Takes the part of an answer that is scored. Returns null when no pattern matches and nothing else is to be scored.
 * @throws Error when a pattern is invalid, which reading the task file has checked
 */
export function answerExtractor({ patterns, otherwise = 'whole' }: TaskExtract): (answer: string) => string | null {
  const compiled = compilePatterns(patterns);
  if (!Array.isArray(compiled)) throw new Error(compiled.message);
  return (answer) => {
    for (const pattern of compiled) {
      const matcher = pattern.matcher(answer);
      if (matcher.find()) return matched(matcher);
    }
    return otherwise === 'whole' ? answer : null;
  };
}
