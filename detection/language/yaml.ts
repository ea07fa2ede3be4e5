import type { Event } from 'js-yaml';
import { limits } from '../limits.js';
import { RuleError } from './rule-error.js';
import { word, type YamlEntry, type YamlNode, type YamlScalar } from './yaml-node.js';

/** The documents of a file, in their order; empty ones are left out. */
export type YamlReader = (text: string) => readonly YamlNode[];

/** What is being built: a collection that is open, with what is needed when it closes. */
interface Open {
  readonly line: number;
  readonly anchor: string | undefined;
  readonly items: Measured[];
  readonly isMap: boolean;
}

/** A node with the number of nodes in it, and their depth: an alias costs as much as what it stands for. */
interface Measured {
  readonly node: YamlNode;
  readonly nodes: number;
  readonly depth: number;
}

/**
 * Reads YAML 1.2 (core schema) into nodes with lines, from the events of js-yaml, which is loaded with the first call. No
 * tags but `!!str`; aliases stand for what they name, and count as often as they stand.
 */
export async function loadYamlReader(): Promise<YamlReader> {
  const { EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException } =
    await import('js-yaml');

  function eventsOf(text: string): readonly Event[] {
    try {
      return parseEvents(text, { maxDepth: limits.depth });
    } catch (error) {
      if (error instanceof YAMLException)
        throw new RuleError(
          `Correct the YAML: ${error.reason}.`,
          error.mark === undefined ? undefined : error.mark.line + 1,
        );
      throw new RuleError('Correct the YAML: it cannot be parsed.');
    }
  }

  return (text) => {
    const lineOf = lineFinder(text);
    const documents: YamlNode[] = [];
    const stack: Open[] = [];
    let anchors = new Map<string, Measured>();
    let total = 0;
    let line = 1;

    const put = (measured: Measured, anchor: string | undefined, isNew: boolean): void => {
      // What is in a new collection has been counted when it was put there.
      total += isNew ? 1 : measured.nodes;
      if (total > limits.nodes)
        throw new RuleError(`Split the file: it has more than ${limits.nodes} nodes.`, line);
      if (stack.length - 1 + measured.depth > limits.depth)
        throw new RuleError(`Nest at most ${limits.depth} levels deep.`, line);
      if (anchor !== undefined) anchors.set(anchor, measured);
      stack.at(-1)?.items.push(measured);
    };

    for (const event of eventsOf(text)) {
      switch (event.type) {
        case EVENT_ID.DOCUMENT:
          // Closed by an event of its own, as a collection is.
          stack.push({ line, anchor: undefined, items: [], isMap: false });
          anchors = new Map();
          break;
        case EVENT_ID.SEQUENCE:
        case EVENT_ID.MAPPING: {
          line = lineOf(event.start);
          refuseTag(text.slice(event.tagStart, event.tagEnd), event.tagStart, line);
          stack.push({
            line,
            anchor: nameAt(text, event.anchorStart, event.anchorEnd),
            items: [],
            isMap: event.type === EVENT_ID.MAPPING,
          });
          break;
        }
        case EVENT_ID.SCALAR: {
          if (event.valueStart >= 0) line = lineOf(event.valueStart);
          const tag = event.tagStart < 0 ? undefined : text.slice(event.tagStart, event.tagEnd);
          if (tag !== '!!str' && tag !== '!') refuseTag(tag ?? '', event.tagStart, line);
          const value = getScalarValue(text, event);
          const isPlain = event.style === SCALAR_STYLE.PLAIN && tag === undefined;
          const node = isPlain ? resolved(value, line) : textNode(value, line);
          put({ node, nodes: 1, depth: 0 }, nameAt(text, event.anchorStart, event.anchorEnd), true);
          break;
        }
        case EVENT_ID.ALIAS: {
          const name = text.slice(event.anchorStart, event.anchorEnd);
          const target = anchors.get(name);
          line = lineOf(event.anchorStart);
          if (target === undefined)
            throw new RuleError(`Define &${word(name)} before *${word(name)} uses it.`, line);
          put(target, undefined, false);
          break;
        }
        case EVENT_ID.POP: {
          const open = stack.pop();
          if (open === undefined) break;
          if (stack.length === 0) {
            const root = open.items[0];
            if (root !== undefined) documents.push(root.node);
          } else put(closed(open), open.anchor, true);
          break;
        }
      }
      if (documents.length > limits.documents)
        throw new RuleError(`Split the file: it has more than ${limits.documents} documents.`);
    }
    return documents;
  };
}

function closed(open: Open): Measured {
  const { isMap, items, line } = open;
  const depth = 1 + items.reduce((deepest, item) => Math.max(deepest, item.depth), 0);
  const nodes = 1 + items.reduce((sum, item) => sum + item.nodes, 0);
  const node: YamlNode = isMap
    ? { kind: 'map', line, entries: entriesOf(items) }
    : { kind: 'list', line, items: items.map((item) => item.node) };
  return { node, nodes, depth };
}

function entriesOf(items: readonly Measured[]): readonly YamlEntry[] {
  const seen = new Set<string>();
  const entries: YamlEntry[] = [];
  for (let at = 0; at + 1 < items.length; at += 2) {
    const key = items[at]?.node;
    const value = items[at + 1]?.node;
    if (key === undefined || value === undefined) break;
    if (key.kind !== 'scalar') throw new RuleError('Make every key a text.', key.line);
    if (seen.has(key.text))
      throw new RuleError(`Join the two values of ${word(key.text)} in one map.`, key.line);
    seen.add(key.text);
    entries.push({ key: key.text, line: key.line, value });
  }
  return entries;
}

function refuseTag(tag: string, start: number, line: number): void {
  if (start >= 0 && tag !== '') throw new RuleError(`Remove the YAML tag ${word(tag)}.`, line);
}

const nameAt = (text: string, start: number, end: number): string | undefined =>
  start < 0 ? undefined : text.slice(start, end);

const textNode = (value: string, line: number): YamlScalar => ({
  kind: 'scalar',
  line,
  value,
  text: value,
});

/** A plain scalar by the core schema of YAML 1.2, section 10.3. */
function resolved(text: string, line: number): YamlScalar {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return { kind: 'scalar', line, value: null, text: '' };
  if (/^(?:true|True|TRUE|false|False|FALSE)$/.test(text)) {
    const word = text.toLowerCase();
    return { kind: 'scalar', line, value: word === 'true', text: word };
  }
  if (/^[-+]?[0-9]{1,64}$/.test(text) || /^0(?:o[0-7]{1,21}|x[0-9a-fA-F]{1,16})$/.test(text)) {
    const whole = BigInt(text.replace(/^\+/, '').replace(/^-(\d+)$/, '$1'));
    const signed = text.startsWith('-') ? -whole : whole;
    return { kind: 'scalar', line, value: Number(signed), text: String(signed) };
  }
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return { kind: 'scalar', line, value, text: String(value) };
  }
  return textNode(text, line);
}

/** The line of an offset, from 1. */
function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
