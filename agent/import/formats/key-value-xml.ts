/** What a file of the C# agent holds: `<Root><add key="…" value="…"/>…</Root>`. */
export interface KeyValueList {
  readonly root: string;
  /** In the order of the file; .NET looks keys up in any case. */
  readonly entries: readonly KeyValue[];
}

interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** `fault` completes "<file> ...". */
interface Fault {
  readonly fault: string;
}

const mostEntries = 128;
const longestValue = 4096;

const declaration = /<\?xml\s[^<>?]{0,200}\?>/y;
const space = /\s*/y;
const comment = /<!--(?:(?!--)[^])*-->/y;
const opening = /<([A-Za-z][\w.-]{0,63})\s*>/y;
const closing = /<\/([A-Za-z][\w.-]{0,63})\s*>/y;
const empty = /<([A-Za-z][\w.-]{0,63})\s*\/>/y;
const entry = /<add((?:\s+[A-Za-z]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*\/>/y;
const attribute = /([A-Za-z]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g;

/** The five that XML itself declares (XML 1.0 §4.6); others would need a DOCTYPE, which is not taken. */
const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
};

/** Reads this one shape of XML and nothing else: no DOCTYPE, no entities of its own, no nesting, nothing twice. */
export function parseKeyValueXml(text: string): KeyValueList | Fault {
  return new Reader(text.replace(/^\uFEFF/, '')).read();
}

class Reader {
  private position = 0;

  constructor(private readonly text: string) {}

  read(): KeyValueList | Fault {
    this.take(space);
    this.take(declaration);
    this.skipComments();
    const root = this.take(opening)?.[1];
    const nothing = root === undefined ? this.take(empty)?.[1] : undefined;
    if (nothing !== undefined) return this.end({ root: nothing, entries: [] });
    if (root === undefined) return this.fault('no element begins');
    const entries: KeyValue[] = [];
    for (;;) {
      this.skipComments();
      const end = this.take(closing)?.[1];
      if (end === root) return this.end({ root, entries });
      if (end !== undefined) return this.fault(`an element ends that did not begin`);
      const found = this.take(entry);
      if (found === undefined) return this.fault('something else than <add key="…" value="…"/>');
      const read = readEntry(found[1] ?? '');
      if (read === undefined) return this.fault('an <add> without just a key and a value');
      const { key } = read;
      if (entries.some((other) => other.key.toLowerCase() === key.toLowerCase()))
        return this.fault('a key that stands twice');
      if (entries.push(read) > mostEntries) return this.fault(`more than ${mostEntries} keys`);
    }
  }

  private end(list: KeyValueList): KeyValueList | Fault {
    this.skipComments();
    return this.position === this.text.length ? list : this.fault('something behind the end');
  }

  private skipComments(): void {
    do this.take(space);
    while (this.take(comment) !== undefined);
  }

  private take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.position = pattern.lastIndex;
    return found;
  }

  private fault(what: string): Fault {
    const line = this.text.slice(0, this.position).split('\n').length;
    return { fault: `is not a list of <add key="…" value="…"/>: line ${line} has ${what}` };
  }
}

function readEntry(attributes: string): KeyValue | undefined {
  const values = new Map<string, string>();
  for (const [, name = '', double, single] of attributes.matchAll(attribute)) {
    const value = unescaped(double ?? single ?? '');
    if (values.has(name) || value === undefined || value.length > longestValue) return undefined;
    values.set(name, value);
  }
  const [key, value] = [values.get('key'), values.get('value')];
  if (key === undefined || key === '' || value === undefined || values.size !== 2) return undefined;
  return { key, value };
}

/** Undefined for an entity that is none of the five. */
function unescaped(text: string): string | undefined {
  if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(text)) return undefined;
  return text.replace(/&\w+;/g, (entity) => entities[entity] ?? entity);
}
