/**
 * The known key that somebody most likely meant: the same name in another place, or at most a third of the letters
 * different. Undefined when nothing comes near.
 */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const leaf = (key: string): string => key.slice(key.lastIndexOf('.') + 1).toLowerCase();
  const elsewhere = known.find((key) => leaf(key) === leaf(written));
  if (elsewhere !== undefined) return elsewhere;
  // Half a name, such as identity.key, stands for the shortest that begins with it.
  const begun = known
    .filter((key) => key.toLowerCase().startsWith(written.toLowerCase()))
    .toSorted((a, b) => a.length - b.length)[0];
  if (begun !== undefined && leaf(written).length >= fewestLetters) return begun;
  // No known key is as long; and the cost of comparing grows with the length.
  if (written.length > 100) return undefined;
  const ranked = known
    .map((key) => ({ key, distance: editDistance(written.toLowerCase(), key.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(written.length / 3))
    ? best.key
    : undefined;
}

/** Levenshtein distance: letters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const removed = (previous[column] ?? 0) + 1;
      const inserted = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, removed, inserted));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Of fewer letters nobody knows what they begin. */
const fewestLetters = 3;
