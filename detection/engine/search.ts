/** Products of lengths up to which the engine's own search is quick enough whatever the texts are. */
const surelyQuick = 400_000;

/** `text.indexOf(part, from)` in a time that grows with the text alone, however alike text and part are. */
export function indexOfBounded(text: string, part: string, from: number): number {
  if (text.length * part.length <= surelyQuick) return text.indexOf(part, from);
  // Knuth, Morris and Pratt: `borders[n]` is the longest end of the first n units that is also their beginning.
  const borders = new Uint16Array(part.length + 1);
  let border = 0;
  for (let at = 1; at < part.length; at++) {
    while (border > 0 && part.charCodeAt(at) !== part.charCodeAt(border))
      border = borders[border] ?? 0;
    if (part.charCodeAt(at) === part.charCodeAt(border)) border++;
    borders[at + 1] = border;
  }
  let matched = 0;
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && unit !== part.charCodeAt(matched)) matched = borders[matched] ?? 0;
    if (unit === part.charCodeAt(matched)) matched++;
    if (matched === part.length) return at - part.length + 1;
  }
  return -1;
}
