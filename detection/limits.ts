/**
 * What rules and events may be at most. A rule file, an event and the twin are a stranger's: nothing of them may make the
 * engine throw, wait or grow. The engine's tables and its time for an event follow from these numbers.
 */
export const limits = {
  /** Rules, correlations and filters of all sources together. */
  rules: 1_000,
  fileBytes: 64 * 1024,
  /** Documents of one file. */
  documents: 200,
  /** Nodes of one file, those counted anew that an alias stands for. */
  nodes: 20_000,
  /** Nesting of the file, of a condition, and of correlations in correlations. */
  depth: 16,
  /** Values of one rule, after placeholders and modifiers have multiplied them. */
  valuesOfRule: 2_000,
  /** Named values of one rule. */
  namedValues: 32,
  /** UTF-16 units of a value as written, and as the modifiers make it. */
  pattern: 512,
  /** Instructions of a compiled regular expression; expanded repeats count. */
  regexProgram: 320,
  /** Steps of comparing one text with a value that has `?`. */
  markSteps: 200_000,
  /** Milliseconds that a regular expression may take on a hostile text of `regexText` units. */
  regexProbeMs: 4,
  /** Units that a regular expression, or a pattern with `?`, sees of a text: the first and the last half of it. */
  regexText: 8 * 1024,
  /** Units of one text of an event that are judged: the first and the last half of it. */
  text: 32 * 1024,
  /** Units of all texts of an event. */
  eventText: 96 * 1024,
  fields: 128,
  /** Members of a field that is a list. */
  members: 64,
  /** Nodes of a condition after `of` is written out. */
  conditionNodes: 4_000,
  /** Milliseconds after which the rest of the candidates of one event is not judged any more. */
  eventMs: 3,
  /** A rule that takes longer on the average of so many judgements is suspended. */
  suspendMs: 1,
  suspendAfter: 32,
  /** Groups of one correlation, entries of one group, entries of all. */
  groups: 1_024,
  entriesOfGroup: 2_048,
  entries: 10_000,
  /** Units of a group's key and of a value that a correlation keeps; what is longer is kept as its hash. */
  keptText: 128,
  timespanMs: 30 * 24 * 60 * 60_000,
} as const;
