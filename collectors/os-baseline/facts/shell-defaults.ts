import { posix } from 'node:path';
import type { FactContext, SubjectReader } from './fact-reader.js';
import type { FileState } from './host-files.js';
import { parseLoginDefs } from './login-defs.js';
import { absent, found } from './reading.js';

/** A value with the file that has it. */
export interface FromFile<T> {
  readonly file: string;
  readonly value: T;
}

/** A directory in which root's commands are looked for. */
export interface PathDirectory {
  readonly file: string;
  /** As it is written: `.` and nothing stand for the current directory. */
  readonly directory: string;
  /** Undefined where there is none, or the name is relative. */
  readonly state: FileState | undefined;
}

/** What a login begins with, as far as files name it. */
export interface ShellDefaults {
  readonly umasks: readonly FromFile<number>[];
  /** Seconds after which an idle shell ends (TMOUT). */
  readonly timeouts: readonly FromFile<number>[];
  readonly rootPath: readonly PathDirectory[];
}

const profiles = ['/etc/profile', '/etc/bash.bashrc', '/etc/bashrc'];

/** What a start file of the shell sets with plain values; what it computes is not known. */
export function parseProfile(text: string): {
  umasks: number[];
  timeouts: number[];
  paths: string[];
} {
  const all = (pattern: RegExp): string[] =>
    [...text.matchAll(pattern)].map(([, value = '']) => value.replace(/^(["'])(.*)\1$/, '$2'));
  return {
    umasks: all(/^\s*umask\s+([0-7]{1,4})\s*(?:#|;|$)/gm).map((mask) => Number.parseInt(mask, 8)),
    timeouts: all(/^\s*(?:(?:readonly|export|declare\s+-\w+)\s+)?TMOUT=(\d{1,6})\b/gm).map(Number),
    paths: all(/^\s*(?:export\s+)?PATH=("[^"\n]*"|'[^'\n]*'|[^\s;#]*)/gm),
  };
}

export const readShellDefaults: SubjectReader<ShellDefaults> = async (context) => {
  const { files } = context;
  const umasks: FromFile<number>[] = [];
  const timeouts: FromFile<number>[] = [];
  const paths: FromFile<string>[] = [];
  const extra = await files.names('/etc/profile.d');
  if ('unreadable' in extra) return extra;
  const scripts = ('value' in extra ? extra.value : []).filter((name) => name.endsWith('.sh'));
  let filesRead = 0;
  for (const file of [...profiles, ...scripts.map((name) => `/etc/profile.d/${name}`)]) {
    const text = await files.text(file);
    if ('unreadable' in text) return text;
    if (!('value' in text)) continue;
    filesRead++;
    const profile = parseProfile(text.value);
    umasks.push(...profile.umasks.map((value) => ({ file, value })));
    timeouts.push(...profile.timeouts.map((value) => ({ file, value })));
    paths.push(...profile.paths.map((value) => ({ file, value })));
  }
  for (const file of ['/etc/login.defs', '/etc/environment']) {
    const text = await files.text(file);
    if ('unreadable' in text) return text;
    if (!('value' in text)) continue;
    filesRead++;
    if (file === '/etc/environment') {
      paths.push(...parseProfile(text.value).paths.map((value) => ({ file, value })));
      continue;
    }
    const settings = parseLoginDefs(text.value);
    const umask = settings.get('UMASK');
    if (umask !== undefined && /^[0-7]{1,4}$/.test(umask))
      umasks.unshift({ file, value: Number.parseInt(umask, 8) });
    const path = settings.get('ENV_SUPATH');
    if (path !== undefined) paths.push({ file, value: path.replace(/^PATH=/, '') });
  }
  if (filesRead === 0) return absent('no file says what a login begins with');
  return found({ umasks, timeouts, rootPath: await directoriesOf(paths, context) });
};

const mostDirectories = 64;

async function directoriesOf(
  paths: readonly FromFile<string>[],
  { files }: FactContext,
): Promise<PathDirectory[]> {
  const directories = new Map<string, string>();
  for (const { file, value } of paths)
    for (const directory of value.split(':'))
      if (!directory.includes('$') && !directories.has(directory)) directories.set(directory, file);
  const all: PathDirectory[] = [];
  for (const [directory, file] of [...directories].slice(0, mostDirectories)) {
    const state = posix.isAbsolute(directory) ? await files.state(directory) : undefined;
    const is = state !== undefined && 'value' in state ? state.value : undefined;
    all.push({ file, directory, state: is });
  }
  return all;
}
