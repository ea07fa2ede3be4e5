import { posix } from 'node:path';
import type { HostFiles } from './host-files.js';
import { found, type Reading, unreadable } from './reading.js';

/** Values by keyword in lower case; a keyword that may stand several times has several. */
export type SshdSettings = Map<string, string[]>;

/** The output of `sshd -T`: a keyword and its value on each line. */
export function parseEffective(text: string): SshdSettings {
  const settings: SshdSettings = new Map();
  for (const line of text.split('\n')) {
    const [, keyword, value] = /^([a-z0-9]+)(?: (.*))?$/.exec(line) ?? [];
    if (keyword !== undefined)
      settings.set(keyword, [...(settings.get(keyword) ?? []), value ?? '']);
  }
  return settings;
}

const formerNames: Readonly<Record<string, string>> = {
  challengeresponseauthentication: 'kbdinteractiveauthentication',
  skeyauthentication: 'kbdinteractiveauthentication',
};

/** The lines of sshd_config(5): keyword and arguments, parted by blanks or one `=`; quotes taken off. */
export function parseLines(text: string): (readonly [keyword: string, value: string])[] {
  return text.split('\n').flatMap((line) => {
    const [, keyword, value = ''] = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)?(.*?)\s*$/.exec(line) ?? [];
    if (keyword === undefined) return [];
    const bare = value.replace(/\s+#.*$/, '').replace(/^"([^"]*)"$/, '$1');
    const name = keyword.toLowerCase();
    return [[formerNames[name] ?? name, bare] as const];
  });
}

const mostFiles = 128;
const mostDepth = 16;

interface Written {
  readonly settings: SshdSettings;
  /** Whether blocks for some users or addresses were left aside. */
  readonly hasMatch: boolean;
}

/**
 * What sshd_config and the files that it includes say outside of `Match` blocks. The first value of a keyword counts; those
 * of `AllowUsers` and its like add up. A block lasts to the end of its file.
 */
export async function readWritten(files: HostFiles, path: string): Promise<Reading<Written>> {
  const settings: SshdSettings = new Map();
  let hasMatch = false;
  let filesLeft = mostFiles;

  async function read(file: string, depth: number): Promise<string | undefined> {
    if (filesLeft-- <= 0 || depth > mostDepth) return `${path} includes too many files`;
    const text = await files.text(file);
    if ('unreadable' in text) return text.unreadable;
    for (const [keyword, value] of 'value' in text ? parseLines(text.value) : []) {
      if (keyword === 'match') {
        hasMatch = true;
        return undefined;
      }
      if (keyword === 'include') {
        for (const pattern of value.split(/\s+/))
          for (const included of await matching(files, pattern)) {
            const problem = await read(included, depth + 1);
            if (problem !== undefined) return problem;
          }
      } else if (!settings.has(keyword) || adding.has(keyword)) {
        settings.set(keyword, [...(settings.get(keyword) ?? []), value]);
      }
    }
    return undefined;
  }

  const problem = await read(path, 0);
  return problem === undefined ? found({ settings, hasMatch }) : unreadable(problem);
}

const adding: ReadonlySet<string> = new Set([
  'allowusers',
  'allowgroups',
  'denyusers',
  'denygroups',
  'hostkey',
  'port',
]);

/** The files of a pattern, whose last part may have `*` and `?`; a relative one is below /etc/ssh. */
async function matching(files: HostFiles, written: string): Promise<string[]> {
  const pattern = posix.resolve('/etc/ssh', written.replace(/^"(.*)"$/, '$1'));
  const name = posix.basename(pattern);
  if (!/[*?]/.test(name)) return [pattern];
  const directory = posix.dirname(pattern);
  const names = await files.names(directory);
  return ('value' in names ? names.value : [])
    .filter((other) => matchesGlob(other, name))
    .map((other) => posix.join(directory, other));
}

/** Without backtracking over what a file holds: the parts between stars must follow each other. */
function matchesGlob(name: string, pattern: string): boolean {
  if (name.startsWith('.')) return false;
  const parts = pattern.split('*');
  const [first = '', ...rest] = parts;
  const fits = (part: string, at: number): boolean =>
    Array.from(part).every((letter, index) => letter === '?' || letter === name[at + index]);
  if (name.length < first.length || !fits(first, 0)) return false;
  if (rest.length === 0) return name.length === first.length;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    while (at + part.length <= name.length && !fits(part, at)) at++;
    if (at + part.length > name.length) return false;
    at += part.length;
  }
  return name.length - last.length >= at && fits(last, name.length - last.length);
}
