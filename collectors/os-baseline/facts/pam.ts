import { posix } from 'node:path';
import type { FactContext, SubjectReader } from './fact-reader.js';
import { absent, found, type Reading, unreadable } from './reading.js';

/** A line of pam.d(5). */
export interface PamRule {
  readonly type: 'auth' | 'account' | 'password' | 'session';
  /** As `required`, or `[success=1 default=ignore]`. */
  readonly control: string;
  /** Without its directory: `pam_unix.so`. */
  readonly module: string;
  readonly arguments: readonly string[];
}

/** How passwords are asked for and changed. */
export interface Pam {
  /** The rules of a service with those that it includes; of those services that checks ask for and that are there. */
  readonly services: ReadonlyMap<string, readonly PamRule[]>;
  /** Settings in /etc/security by file, as `faillock.conf`; a setting without a value has an empty one. */
  readonly settings: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

type Line = PamRule | { readonly include: string; readonly type?: PamRule['type'] };

const types = /^-?(auth|account|password|session)$/i;

/** The lines of a file of pam.d(5); what is no rule is passed over. */
export function parsePamLines(text: string): Line[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((raw): Line[] => {
      const line = raw.replace(/#.*$/, '').trim();
      const whole = /^@include\s+(\S+)$/.exec(line)?.[1];
      if (whole !== undefined) return [{ include: whole }];
      const [, first = '', control = '', path = '', rest = ''] =
        /^(\S+)\s+(\[[^\]]*\]|\S+)\s+(\S+)\s*(.*)$/.exec(line) ?? [];
      const type = types.exec(first)?.[1]?.toLowerCase() as PamRule['type'] | undefined;
      if (type === undefined) return [];
      if (control === 'include' || control === 'substack') return [{ include: path, type }];
      const module = posix.basename(path);
      return [{ type, control, module, arguments: rest.split(/\s+/).filter(Boolean) }];
    });
}

/** Lines of `name = value` or `name` (pwquality.conf(5), faillock.conf(5)); of several the last counts. */
export function parseSecuritySettings(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^\s*([a-z_]+)\s*(?:=\s*(.*?))?\s*(?:#.*)?$/.exec(line) ?? [];
    if (name !== undefined) settings.set(name, value);
  }
  return settings;
}

const services = ['login', 'sshd', 'dropbear', 'passwd', 'su'];
const settingFiles = ['pwquality.conf', 'pwhistory.conf', 'faillock.conf'];
const directories = ['/etc/pam.d', '/usr/lib/pam.d'];
const mostRules = 1000;
const mostDepth = 16;

export const readPam: SubjectReader<Pam> = async (context) => {
  const { files } = context;
  const isThere = async (path: string): Promise<boolean> =>
    !('absent' in (await files.state(path)));
  if (!(await isThere('/etc/pam.d')) && !(await isThere('/usr/lib/pam.d')))
    return (await isThere('/etc/pam.conf'))
      ? unreadable('PAM is set in /etc/pam.conf alone, which the agent does not read')
      : absent('the device has no PAM');
  const stacks = new Map<string, readonly PamRule[]>();
  for (const service of services) {
    const rules: PamRule[] = [];
    const problem = await collect(service, undefined, rules, 0, context);
    if (problem !== undefined && 'unreadable' in problem) return problem;
    if (problem === undefined) stacks.set(service, rules);
  }
  const settings = new Map<string, ReadonlyMap<string, string>>();
  for (const name of settingFiles) {
    const own = await readSettings(name, context);
    if (!('value' in own)) return own;
    settings.set(name, own.value);
  }
  return found({ services: stacks, settings });
};

/** Adds the rules of a file and of those that it includes; what it gives back is why it could not. */
async function collect(
  name: string,
  only: PamRule['type'] | undefined,
  rules: PamRule[],
  depth: number,
  context: FactContext,
): Promise<Reading<never> | undefined> {
  if (depth > mostDepth || rules.length > mostRules)
    return unreadable(`the rules of PAM in ${name} include each other without end`);
  const text = await readFirst(posix.isAbsolute(name) ? [name] : inDirectories(name), context);
  if (!('value' in text)) return text;
  for (const line of parsePamLines(text.value)) {
    if (only !== undefined && line.type !== undefined && line.type !== only) continue;
    if (!('include' in line)) {
      rules.push(line);
      continue;
    }
    const problem = await collect(line.include, line.type ?? only, rules, depth + 1, context);
    if (problem !== undefined && 'unreadable' in problem) return problem;
  }
  return undefined;
}

const inDirectories = (name: string): string[] =>
  directories.map((directory) => `${directory}/${name}`);

async function readFirst(
  paths: readonly string[],
  { files }: FactContext,
): Promise<Reading<string>> {
  let last: Reading<string> = absent('no file');
  for (const path of paths) {
    last = await files.text(path);
    if (!('absent' in last)) return last;
  }
  return last;
}

/** Of the file and, before it, of those in the directory named after it. */
async function readSettings(
  name: string,
  { files }: FactContext,
): Promise<Reading<Map<string, string>>> {
  const path = `/etc/security/${name}`;
  const extra = await files.names(`${path}.d`);
  if ('unreadable' in extra) return extra;
  const parts = ('value' in extra ? extra.value : []).filter((part) => part.endsWith('.conf'));
  const settings = new Map<string, string>();
  for (const file of [...parts.map((part) => `${path}.d/${part}`), path]) {
    const text = await files.text(file);
    if ('unreadable' in text) return text;
    if ('value' in text)
      for (const [key, value] of parseSecuritySettings(text.value)) settings.set(key, value);
  }
  return found(settings);
}
