import { posix } from 'node:path';
import type { SubjectReader } from './fact-reader.js';
import type { HostFiles } from './host-files.js';
import { found, unreadable } from './reading.js';

/** Who may become whom without a password, and the settings of sudoers(5). */
export interface Sudoers {
  /** Settings for everybody, as `use_pty`, `!authenticate` or `logfile=/var/log/sudo.log`. */
  readonly defaults: readonly string[];
  /** Users and groups (`%name`) that may run any command without their password. */
  readonly passwordless: readonly string[];
}

interface Lines {
  readonly defaults: string[];
  readonly passwordless: string[];
  readonly includes: { readonly path: string; readonly isDirectory: boolean }[];
}

/** A file of sudoers(5). Aliases are not resolved: a rule that hides ALL behind one is not seen. */
export function parseSudoers(text: string): Lines {
  const lines: Lines = { defaults: [], passwordless: [], includes: [] };
  for (const raw of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, directory, path] = /^[#@]include(dir)?\s+"?([^"\s]+)"?\s*$/.exec(raw) ?? [];
    if (path !== undefined) {
      lines.includes.push({ path, isDirectory: directory !== undefined });
      continue;
    }
    const line = raw.replace(/#(?!\d).*$/, '').trim();
    const settings = /^Defaults\s+(.*)$/.exec(line)?.[1];
    if (settings !== undefined) {
      lines.defaults.push(...settings.split(',').map((one) => one.trim().replace(/\s*=\s*/, '=')));
    } else if (!/^(Defaults|\w+_Alias\b)/.test(line)) {
      const [, who, rule] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      if (who !== undefined && rule !== undefined && letsRunAll(rule)) lines.passwordless.push(who);
    }
  }
  return lines;
}

/** `host=(run as) TAG: command, TAG: command`, where a tag lasts until it is taken back. */
function letsRunAll(rule: string): boolean {
  return rule.split(/\s:\s/).some((part) => {
    let isFree = false;
    const commands = part.slice(part.indexOf('=') + 1).replaceAll(/\([^)]*\)/g, ' ');
    return commands.split(',').some((command) => {
      for (const [, tag] of command.matchAll(/\b(NO)?PASSWD\s*:/g)) isFree = tag !== undefined;
      return isFree && command.replaceAll(/\b[A-Z_]+\s*:/g, ' ').trim() === 'ALL';
    });
  });
}

const mostFiles = 256;

/** /etc/sudoers and what it includes; of a directory no name that has a dot or ends in `~`. */
export const readSudoers: SubjectReader<Sudoers> = async ({ files }) => {
  const first = await files.text('/etc/sudoers');
  if (!('value' in first)) return first;
  const sudoers = { defaults: [] as string[], passwordless: [] as string[] };
  const waiting = ['/etc/sudoers'];
  for (let count = 0; waiting.length > 0; count++) {
    if (count >= mostFiles) return unreadable('/etc/sudoers includes too many files');
    const text = await files.text(waiting.shift() ?? '');
    if ('unreadable' in text) return text;
    if (!('value' in text)) continue;
    const lines = parseSudoers(text.value);
    sudoers.defaults.push(...lines.defaults);
    sudoers.passwordless.push(...lines.passwordless);
    for (const include of lines.includes) {
      const path = posix.resolve('/etc', include.path);
      const names = include.isDirectory ? await namesOf(files, path) : [path];
      if (typeof names === 'string') return unreadable(names);
      waiting.push(...names);
    }
  }
  return found(sudoers);
};

async function namesOf(files: HostFiles, directory: string): Promise<string[] | string> {
  const names = await files.names(directory);
  if ('unreadable' in names) return names.unreadable;
  return ('value' in names ? names.value : [])
    .filter((name) => !name.includes('.') && !name.endsWith('~'))
    .map((name) => `${directory}/${name}`);
}
