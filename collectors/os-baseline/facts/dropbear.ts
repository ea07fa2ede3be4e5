import type { FactContext, SubjectReader } from './fact-reader.js';
import { absent, found } from './reading.js';

/** What one dropbear lets in (dropbear(8)). */
export interface DropbearInstance {
  /** Where its options are from: a process or a file. */
  readonly from: string;
  readonly passwords: boolean;
  readonly rootPasswords: boolean;
  readonly root: boolean;
  readonly emptyPasswords: boolean;
}

/** Options that take a value, after which letters of the same word are that value. */
const withValue = /[DGIKPTWbcdlpr]/;

/** The options of a command line, without the name of the program. */
export function optionsOf(words: readonly string[], from: string): DropbearInstance {
  const given = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!/^-[A-Za-z]/.test(word)) continue;
    for (const [index, letter] of Array.from(word).entries()) {
      if (index === 0) continue;
      given.add(letter);
      if (!withValue.test(letter)) continue;
      if (index === word.length - 1) at++;
      break;
    }
  }
  const passwords = !given.has('s');
  const root = !given.has('w');
  return {
    from,
    passwords,
    root,
    rootPasswords: passwords && root && !given.has('g'),
    emptyPasswords: passwords && given.has('B'),
  };
}

/** `/etc/config/dropbear` of OpenWrt: a section for each instance, and what is not set is on. */
export function parseUci(text: string, from: string): DropbearInstance[] {
  const sections = text.split(/^\s*config\s+dropbear\b.*$/m).slice(1);
  return sections.flatMap((section) => {
    const is = (name: string): boolean => {
      const value = new RegExp(`^\\s*option\\s+${name}\\s+['"]?(\\w+)`, 'm').exec(section)?.[1];
      return value === undefined || ['1', 'on', 'true', 'yes', 'enabled'].includes(value);
    };
    if (!is('enable')) return [];
    const passwords = is('PasswordAuth');
    const root = is('RootLogin');
    const rootPasswords = passwords && root && is('RootPasswordAuth');
    return [{ from, passwords, root, rootPasswords, emptyPasswords: false }];
  });
}

const environmentFiles = [
  '/etc/default/dropbear',
  '/etc/conf.d/dropbear',
  '/etc/sysconfig/dropbear',
];
const programs = [
  '/usr/sbin/dropbear',
  '/usr/bin/dropbear',
  '/sbin/dropbear',
  '/usr/local/sbin/dropbear',
];

/** Those that run, by their command lines; where none does (a socket starts one for each login), what files say. */
export const readDropbear: SubjectReader<readonly DropbearInstance[]> = async (context) => {
  const running = await runningInstances(context);
  if (running.length > 0) return found(running);
  const { files } = context;
  let isInstalled = false;
  for (const path of programs) isInstalled ||= !('absent' in (await files.state(path)));
  if (!isInstalled) return absent('the device has no dropbear');
  const uci = await files.text('/etc/config/dropbear');
  if ('unreadable' in uci) return uci;
  if ('value' in uci) return found(parseUci(uci.value, '/etc/config/dropbear'));
  for (const path of environmentFiles) {
    const text = await files.text(path);
    if ('unreadable' in text) return text;
    if (!('value' in text)) continue;
    const line =
      /^\s*(?:export\s+)?DROPBEAR_(?:EXTRA_ARGS|OPTS)=(.*)$/m.exec(text.value)?.[1] ?? '';
    return found([optionsOf(line.replaceAll(/["']/g, '').split(/\s+/), path)]);
  }
  return found([optionsOf([], 'its defaults')]);
};

async function runningInstances({ files }: FactContext): Promise<DropbearInstance[]> {
  const names = await files.names('/proc');
  const instances = new Map<string, DropbearInstance>();
  for (const pid of 'value' in names ? names.value : []) {
    if (!/^\d+$/.test(pid)) continue;
    const name = await files.text(`/proc/${pid}/comm`, 64);
    if (!('value' in name) || name.value.trim() !== 'dropbear') continue;
    const line = await files.text(`/proc/${pid}/cmdline`);
    // Each login has a process of its own, with the same command line.
    if ('value' in line && !instances.has(line.value))
      instances.set(line.value, optionsOf(line.value.split('\0').slice(1), 'the one that runs'));
  }
  return [...instances.values()];
}
