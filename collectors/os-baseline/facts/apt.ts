import type { SubjectReader } from './fact-reader.js';
import { absent, found } from './reading.js';
import { readWithDropIns } from './settings-files.js';

/** A source of packages of apt (sources.list(5)). */
export interface AptSource {
  /** The file that it is written in. */
  readonly file: string;
  readonly uri: string;
  /** Its options in lower case, as `trusted` and `allow-insecure`. */
  readonly options: ReadonlyMap<string, string>;
}

const mostFiles = 256;

/** Lines `deb [option=value …] URI suite component…`. */
export function parseOneLineSources(text: string, file: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const [, written = '', uri] =
      /^\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?([^\s#[\]]+)/.exec(line) ?? [];
    if (uri === undefined) return [];
    const options = written.split(/\s+/).flatMap((option): [string, string][] => {
      const [name = '', value] = option.toLowerCase().split('=');
      return value === undefined ? [] : [[name, value]];
    });
    return [{ file, uri, options: new Map(options) }];
  });
}

/** Paragraphs of `Field: value` (deb822); one with `Enabled: no` is none. */
export function parseParagraphSources(text: string, file: string): AptSource[] {
  const plain = text.replaceAll(/^#.*\n?/gm, '');
  return plain.split(/\n[ \t]*\n/).flatMap((paragraph) => {
    const fields = new Map(
      [...paragraph.matchAll(/^([A-Za-z][\w-]*)[ \t]*:[ \t]*(.*)$/gm)].map(
        ([, name = '', value = '']) => [name.toLowerCase(), value.trim()] as const,
      ),
    );
    const uris = fields.get('uris')?.split(/\s+/).filter(Boolean) ?? [];
    if (no.test(fields.get('enabled') ?? 'yes')) return [];
    return uris.map((uri) => ({ file, uri, options: fields }));
  });
}

const no = /^(no|false|without|off|disable|0)$/i;
/** As apt reads a truth value (StringToBool). */
export const isYes = (value: string | undefined): boolean =>
  value !== undefined && /^(yes|true|with|on|enable|1)$/i.test(value);

export const readAptSources: SubjectReader<readonly AptSource[]> = async ({ files }) => {
  const directory = '/etc/apt/sources.list.d';
  const names = await files.names(directory);
  if ('unreadable' in names) return names;
  const further = 'value' in names ? names.value.map((name) => `${directory}/${name}`) : [];
  const sources: AptSource[] = [];
  let read = 0;
  for (const path of ['/etc/apt/sources.list', ...further.slice(0, mostFiles)]) {
    if (!/\.(list|sources)$/.test(path)) continue;
    const text = await files.text(path);
    if ('unreadable' in text) return text;
    if (!('value' in text)) continue;
    read++;
    const parse = path.endsWith('.list') ? parseOneLineSources : parseParagraphSources;
    sources.push(...parse(text.value, path));
  }
  return read === 0 ? absent('the device has no sources of apt') : found(sources);
};

/**
 * apt.conf(5): `A::B "value";` and `A { B "value"; };` by the whole name in lower case; the last one counts. Lists
 * (`A { "x"; };`) and directives (`#clear`) are passed over.
 */
export function parseAptConfiguration(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  const scopes: string[] = [];
  const plain = text
    .replaceAll(/\/\*[^]*?\*\//g, ' ')
    .replaceAll(/^[ \t]*(#|\/\/).*$/gm, '')
    .replaceAll(/([;{}])[ \t]*(\/\/|#).*$/gm, '$1');
  const token = /"([^"\n]*)"|([;{}])|([^\s;{}"]+)/g;
  let words: string[] = [];
  for (const [, quoted, sign, word] of plain.matchAll(token)) {
    if (sign === undefined) {
      words.push(quoted ?? word ?? '');
      continue;
    }
    const [name = '', value] = words;
    if (sign === '{') scopes.push(name.toLowerCase());
    else if (sign === '}') scopes.pop();
    else if (value !== undefined)
      settings.set([...scopes, name.toLowerCase()].filter(Boolean).join('::'), value);
    words = [];
  }
  return settings;
}

export const readAptConfiguration: SubjectReader<ReadonlyMap<string, string>> = async (context) => {
  const text = await readWithDropIns(
    '/etc/apt/apt.conf',
    '/etc/apt/apt.conf.d',
    /^[\w-]+(\.conf)?$/,
    context,
  );
  return 'value' in text ? found(parseAptConfiguration(text.value)) : text;
};
