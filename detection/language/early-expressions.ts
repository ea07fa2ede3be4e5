import type { RegexCompiler, RegexFlags, RegexTest } from './regex.js';
import type { YamlMap, YamlNode } from './yaml-node.js';

/**
 * Tries the expressions of a document one by one, before it is parsed: each costs milliseconds, and whoever reads in steps
 * does other things in between. Those that placeholders are in are left for the parsing.
 * @param compileExpanded for these, which are not as the author of the rule wrote them
 * @returns what gives the expressions without trying them again
 */
export function* earlyExpressions(
  map: YamlMap,
  compile: RegexCompiler,
  compileExpanded: RegexCompiler,
): Generator<undefined, RegexCompiler, undefined> {
  const tried = new Map<string, { readonly test: RegexTest } | { readonly error: unknown }>();
  const keyOf = (source: string, { i, m, s }: RegexFlags): string => `${i}${m}${s} ${source}`;
  for (const { flags, line, source } of expressionsIn(map)) {
    const key = keyOf(source, flags);
    if (tried.has(key)) continue;
    try {
      tried.set(key, { test: compile(source, flags, line) });
    } catch (error) {
      // Told when it is parsed; what comes after it is refused with it.
      tried.set(key, { error });
      break;
    }
    yield;
  }
  return (source, flags, line) => {
    const known = tried.get(keyOf(source, flags));
    if (known === undefined) return compileExpanded(source, flags, line);
    if ('test' in known) return known.test;
    throw known.error;
  };
}

interface Written {
  readonly source: string;
  readonly flags: RegexFlags;
  readonly line: number;
}

function* expressionsIn(node: YamlNode): Generator<Written> {
  if (node.kind === 'list') for (const item of node.items) yield* expressionsIn(item);
  if (node.kind !== 'map') return;
  for (const { key, value } of node.entries) {
    const [, ...chain] = key.split('|', 16);
    if (!chain.includes('re') || chain.includes('expand')) {
      yield* expressionsIn(value);
      continue;
    }
    const has = (flag: string): boolean => chain.includes(flag);
    const flags = { i: has('i'), m: has('m'), s: has('s') };
    for (const item of value.kind === 'list' ? value.items : [value])
      if (item.kind === 'scalar') yield { source: item.text, flags, line: item.line };
  }
}
