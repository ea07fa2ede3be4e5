import type { FactContext } from './fact-reader.js';
import { absent, found, type Reading } from './reading.js';

/** Where systemd looks for configuration, the weightiest first (systemd.syntax(7)). */
const directories = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'];
const mostFiles = 256;

/** Settings of one section by their name; a later assignment counts. */
export type Settings = ReadonlyMap<string, string>;

/** Adds the assignments of a configuration in systemd's syntax to `settings`; an empty one takes back the former. */
export function addSettings(text: string, settings: Map<string, string>): void {
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, name, value] = /^\s*([A-Za-z][\w-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    if (value === '') settings.delete(name);
    else settings.set(name, value);
  }
}

/**
 * The settings of `journald`, `coredump`, … : `systemd/NAME.conf` of the first place that has one, and all drop-ins in the
 * order of their names, of which the weightiest place counts. Absent where the device has no such program.
 */
export async function readSystemdSettings(
  name: string,
  { files }: FactContext,
): Promise<Reading<Settings>> {
  const programs = ['/usr/lib/systemd', '/lib/systemd'].map((at) => `${at}/systemd-${name}`);
  const states = [];
  for (const program of programs) states.push(await files.state(program));
  if (states.every((state) => 'absent' in state)) return absent(`systemd-${name} is not installed`);
  const settings = new Map<string, string>();
  const dropIns = new Map<string, string>();
  let main: string | undefined;
  for (const directory of directories) {
    const path = `${directory}/systemd/${name}.conf`;
    if (main === undefined && !('absent' in (await files.state(path)))) main = path;
    const names = await files.names(`${path}.d`);
    if ('unreadable' in names) return names;
    for (const file of 'value' in names ? names.value : [])
      if (file.endsWith('.conf') && !dropIns.has(file)) dropIns.set(file, `${path}.d/${file}`);
  }
  const ordered = [...dropIns].sort(([one], [other]) => (one < other ? -1 : 1));
  const paths = [...(main === undefined ? [] : [main]), ...ordered.map(([, path]) => path)];
  for (const path of paths.slice(0, mostFiles)) {
    const text = await files.text(path);
    if ('unreadable' in text) return text;
    if ('value' in text) addSettings(text.value, settings);
  }
  return found(settings);
}

/** The texts of `/etc/NAME` and of the files in `/etc/NAME.d` or `directory` that end in `ending`, joined. */
export async function readWithDropIns(
  path: string,
  directory: string,
  ending: RegExp,
  { files }: FactContext,
): Promise<Reading<string>> {
  const names = await files.names(directory);
  if ('unreadable' in names) return names;
  const further = 'value' in names ? names.value.filter((name) => ending.test(name)) : [];
  const texts: string[] = [];
  for (const file of [path, ...further.slice(0, mostFiles).map((name) => `${directory}/${name}`)]) {
    const text = await files.text(file);
    if ('unreadable' in text) return text;
    if ('value' in text) texts.push(text.value);
  }
  return texts.length === 0 ? absent(`${path} does not exist`) : found(texts.join('\n'));
}
