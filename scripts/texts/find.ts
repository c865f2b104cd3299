import type { TextRule } from './rules.ts';

/** A line that breaks a rule. */
export interface Finding {
  readonly rule: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** Every line of a file's text that breaks one of the rules. */
export function findings(text: string, rules: readonly TextRule[]): readonly Finding[] {
  return text
    .split('\n')
    .flatMap((content, index) =>
      rules
        .filter((rule) => rule.breaks(content))
        .map((rule) => ({ rule: rule.name, line: index + 1, message: rule.message })),
    );
}
