/** A line for people: `09:14:08  Login            anna on pts/0 with login: success   (pid 812)`. */
export interface ViewLine {
  /** Left out when it is an invalid date. */
  readonly time: Date;
  /** What the line is about: the name of an event, or, set in by two blanks, a matter of the hub. */
  readonly subject: string;
  readonly text: string;
  /** What stands in parentheses behind the text, the most important first. */
  readonly aside?: readonly string[];
  /** The sentence is ours and must be read whole: it goes on in further lines instead of being cut. */
  readonly wrap?: boolean;
}

const subjectColumns = 16;
/** Where the text begins: the time of day, two blanks, the subject, a blank. */
const textColumn = 8 + 2 + subjectColumns + 1;
/** What is left of a text, in columns, however much stands behind it. */
const shortestText = 24;

/** Marks that stand above another character. */
const noColumn = /\p{Mn}/u;
/** East Asian wide and fullwidth characters, and emoji (Unicode TR 11). */
const twoColumns =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

function columnsOf(character: string): number {
  if (character >= ' ' && character <= '~') return 1;
  if (noColumn.test(character)) return 0;
  return twoColumns.test(character) ? 2 : 1;
}

/** How many columns of a terminal a text of printable characters takes. */
export function widthOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

/** The text, or as much of its beginning as fits in so many columns with the mark that something is missing. */
export function cutToWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const character of text) {
    used += columnsOf(character);
    if (used > columns) break;
    kept += character;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** The lines of a sentence, broken at blanks; a word that is longer than a line has one of its own. */
function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current !== '' && widthOf(longer) > columns) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return [...lines, current];
}

/** The time of day, local, to the second. */
function timeOfDay(date: Date): string {
  return Number.isNaN(date.getTime()) ? '??:??:??' : date.toTimeString().slice(0, 8);
}

function inParentheses(facts: readonly string[]): string {
  return facts.length === 0 ? '' : `   (${facts.join(', ')})`;
}

/** As many of the facts as leave `columns` for the text, the first ones first. */
function asideBeside(text: string, facts: readonly string[], columns: number): string {
  const least = Math.min(shortestText, widthOf(text));
  let kept = facts;
  while (kept.length > 0 && columns - widthOf(inParentheses(kept)) < least)
    kept = kept.slice(0, -1);
  return inParentheses(kept);
}

/** @param columns of the terminal; undefined where lines have no end */
export function layOut(line: ViewLine, columns: number | undefined): readonly string[] {
  const { time, subject, text, aside = [], wrap = false } = line;
  const start = `${timeOfDay(time)}  ${subject.padEnd(subjectColumns)} `;
  if (columns === undefined) return [`${start}${text}${inParentheses(aside)}`];
  const room = columns - widthOf(start);
  if (wrap && room >= shortestText) {
    const [first = '', ...others] = wrapped(`${text}${inParentheses(aside)}`, room);
    const indented = others.map((other) => `${' '.repeat(textColumn)}${other}`);
    return [`${start}${first}`, ...indented].map((each) => cutToWidth(each, columns));
  }
  const end = asideBeside(text, aside, room);
  return [cutToWidth(`${start}${cutToWidth(text, room - widthOf(end))}${end}`, columns)];
}
