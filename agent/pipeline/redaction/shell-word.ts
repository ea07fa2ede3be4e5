import type { Span } from './spans.js';

/** A word of a shell's command line. */
export interface ShellWord {
  /** Where it stands in the text. */
  readonly start: number;
  readonly end: number;
  /** Without its quotes and backslashes. */
  readonly value: string;
  /** Whether the shell puts values in place of `$NAME` and the like in it: then it is not only in single quotes. */
  readonly expands: boolean;
  /** Where the parts of the value stand in the text, in pairs: place in the value, place in the text. */
  readonly parts: readonly number[];
}

/** Where a part of a word's value stands in the text, and whether that is all within one piece of it. */
export function spanInText(
  word: ShellWord,
  { start, end }: Span,
): Span & { readonly isOnePiece: boolean } {
  const first = pieceOf(word.parts, start);
  const last = pieceOf(word.parts, Math.max(start, end - 1));
  return {
    start: (word.parts[first + 1] ?? 0) + start - (word.parts[first] ?? 0),
    end: (word.parts[last + 1] ?? 0) + end - (word.parts[last] ?? 0),
    isOnePiece: first === last,
  };
}

/** The index in `parts` of the piece that holds this place of the value. */
function pieceOf(parts: readonly number[], at: number): number {
  let low = 0;
  let high = parts.length / 2 - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((parts[middle * 2] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low * 2;
}
