import type { ProgramAnswer } from './answer.js';

/** Why the answer of a program is of no use, as a sentence; undefined when it is. */
export function failureOf(answer: ProgramAnswer | undefined, program: string): string | undefined {
  if (answer === undefined) return `${program} was not asked.`;
  const said = answer.error === '' ? '' : ` (${answer.error})`;
  switch (answer.outcome) {
    case 'ended':
      return answer.exitStatus === 0
        ? undefined
        : `${program} ended with status ${answer.exitStatus ?? '?'}${said}.`;
    case 'absent':
      return `${program} is not installed.`;
    case 'cut':
      return `${program} has more to say than is read.`;
    case 'late':
      return `${program} took too long.`;
    default:
      return `${program} could not be run${said}.`;
  }
}
