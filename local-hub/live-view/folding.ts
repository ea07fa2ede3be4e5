import type { Sentence } from '../../contract/sentences.js';
import type { ViewLine } from './layout.js';

/** A sentence of an event, with when it happened. */
export interface Told {
  readonly subject: string;
  readonly time: Date;
  readonly sentence: Sentence;
}

/** So many sentences that are alike are shown; of more only the first. */
const mostAlike = 2;

interface Folded {
  readonly first: Told;
  hits: number;
  tellings: number;
}

/** The lines of what one message tells, in the order of time: what is the same stands there once, with its number. */
export function foldedLines(all: readonly Told[]): readonly ViewLine[] {
  const byText = new Map<string, Folded>();
  const inOrder = [...all].sort((a, b) => a.time.getTime() - b.time.getTime() || 0);
  for (const told of inOrder) {
    const { text, aside, hits } = told.sentence;
    const key = JSON.stringify([told.subject, text, aside]);
    const same = byText.get(key);
    if (same === undefined) byText.set(key, { first: told, hits, tellings: 1 });
    else {
      same.hits += hits;
      same.tellings += 1;
    }
  }
  const byLikeness = new Map<string, Folded[]>();
  for (const [text, folded] of byText) {
    const { subject, sentence } = folded.first;
    const { likeness, aside } = sentence;
    const key = likeness === undefined ? text : JSON.stringify([subject, likeness, aside, 'alike']);
    const others = byLikeness.get(key);
    if (others === undefined) byLikeness.set(key, [folded]);
    else others.push(folded);
  }
  const lines = [...byLikeness.values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined || alike.length <= mostAlike) return alike.map((one) => lineOf(one, 0));
    const hits = alike.reduce((sum, one) => sum + one.hits, 0);
    return [lineOf({ ...first, hits }, alike.length - 1)];
  });
  return lines.sort((a, b) => a.time.getTime() - b.time.getTime() || 0);
}

function lineOf({ first, hits, tellings }: Folded, furtherAlike: number): ViewLine {
  const { subject, time, sentence } = first;
  const { text, aside, processId } = sentence;
  const alone = tellings === 1 && furtherAlike === 0;
  return {
    time,
    subject,
    text,
    aside: [
      // Each of those that are alike once is said by their number.
      ...(hits > furtherAlike + 1 ? [`${hits} times`] : []),
      ...(furtherAlike > 0 ? [`with ${furtherAlike} more like it`] : []),
      ...aside,
      ...(alone && processId !== undefined ? [`pid ${processId}`] : []),
    ],
  };
}
