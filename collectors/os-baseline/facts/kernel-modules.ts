import type { FactContext, NamedReader } from './fact-reader.js';
import { absent, found, type Reading, unreadable } from './reading.js';

/** One module or built-in part of the kernel. */
export interface ModuleState {
  readonly loaded: boolean;
  /** Part of the kernel itself, so that nothing keeps it out. */
  readonly builtIn: boolean;
  /** Among the modules that are installed for the running kernel. */
  readonly installed: boolean;
  /** How modprobe.d(5) keeps it out: replaced by a command that does nothing, or never loaded by itself. */
  readonly barred?: 'install' | 'blacklist';
}

const configurationDirectories = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'];
const mostConfigurationFiles = 256;
/** 4000 modules with what they depend on take half a megabyte. */
const longestIndexBytes = 16 * 1024 * 1024;

const plain = (name: string): string => name.replaceAll('-', '_');

/** `install NAME /bin/false` and `blacklist NAME` of modprobe.d(5), by plain name; the first counts for neither. */
export function parseModprobeConfiguration(text: string): Map<string, 'install' | 'blacklist'> {
  const barred = new Map<string, 'install' | 'blacklist'>();
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [command, name, program] = line.trim().split(/\s+/);
    if (name === undefined) continue;
    if (
      command === 'install' &&
      program !== undefined &&
      /^(\/usr)?\/bin\/(false|true)$/.test(program)
    )
      barred.set(plain(name), 'install');
    if (command === 'blacklist' && !barred.has(plain(name))) barred.set(plain(name), 'blacklist');
  }
  return barred;
}

/** Of a line of modules.dep or modules.builtin: `kernel/fs/cramfs/cramfs.ko.xz: …` is cramfs. */
export function moduleOfLine(line: string): string | undefined {
  const name = /(?:^|\/)([^/:]+)\.ko(?:\.[a-z0-9]+)?(?::|$)/.exec(line.split(' ', 1)[0] ?? '')?.[1];
  return name === undefined ? undefined : plain(name);
}

export const readModules: NamedReader<ModuleState> = async (names, context) => {
  const { files } = context;
  const loadedText = await files.text('/proc/modules');
  const fileSystems = await files.text('/proc/filesystems');
  const release = await files.text('/proc/sys/kernel/osrelease', 256);
  const all = (reading: Reading<never>) => new Map(names.map((name) => [name, reading]));
  // A kernel without modules has no /proc/modules: what is not built in cannot be there.
  if ('unreadable' in loadedText) return all(loadedText);
  if (!('value' in release)) return all(unreadable('the release of the kernel is not known'));
  const loaded = new Set(
    'value' in loadedText
      ? loadedText.value.split('\n').flatMap((line) => line.split(' ', 1).filter(Boolean))
      : [],
  );
  const known = new Set(
    'value' in fileSystems
      ? fileSystems.value.split('\n').map((line) => line.split('\t').at(-1))
      : [],
  );
  const wanted = new Set(names.map(plain));
  const directory = `/lib/modules/${release.value.trim()}`;
  const installed = await namesInIndex(`${directory}/modules.dep`, wanted, context);
  if (!('value' in installed)) return all(installed);
  const isIndexed = 'value' in (await files.state(`${directory}/modules.dep`));
  // Something was loaded, but not from here: a container, or an initramfs. What else there is cannot be known.
  const isElsewhere = !isIndexed && loaded.size > 0;
  const builtIn = await namesInIndex(`${directory}/modules.builtin`, wanted, context);
  if (!('value' in builtIn)) return all(builtIn);
  const barred = await readBarred(context);
  if (!('value' in barred)) return all(barred);
  return new Map(
    names.map((name): [string, Reading<ModuleState>] => {
      const isLoaded = loaded.has(plain(name));
      if (isElsewhere && !isLoaded)
        return [name, absent(`the modules of the running kernel are not in ${directory}`)];
      const bar = barred.value.get(plain(name));
      const state: ModuleState = {
        loaded: isLoaded,
        builtIn: builtIn.value.has(plain(name)) || (!isLoaded && known.has(name)),
        installed: installed.value.has(plain(name)),
        ...(bar !== undefined && { barred: bar }),
      };
      return [name, found(state)];
    }),
  );
};

/** Which of `wanted` an index of modules lists; none where there is no such file. */
async function namesInIndex(
  path: string,
  wanted: ReadonlySet<string>,
  { files }: FactContext,
): Promise<Reading<ReadonlySet<string>>> {
  const names = new Set<string>();
  const read = await files.lines(path, longestIndexBytes, (line) => {
    const name = moduleOfLine(line);
    if (name !== undefined && wanted.has(name)) names.add(name);
  });
  return 'unreadable' in read ? read : found(names);
}

async function readBarred({
  files,
}: FactContext): Promise<Reading<ReadonlyMap<string, 'install' | 'blacklist'>>> {
  const barred = new Map<string, 'install' | 'blacklist'>();
  const seen = new Set<string>();
  for (const parent of configurationDirectories) {
    const names = await files.names(`${parent}/modprobe.d`);
    if ('unreadable' in names) return names;
    for (const name of 'value' in names ? names.value : []) {
      // A file of the same name in an earlier directory stands for those in later ones (modprobe.d(5)).
      if (!name.endsWith('.conf') || seen.has(name)) continue;
      seen.add(name);
      if (seen.size > mostConfigurationFiles)
        return unreadable(`modprobe.d holds more than ${mostConfigurationFiles} files`);
      const text = await files.text(`${parent}/modprobe.d/${name}`);
      if ('unreadable' in text) return text;
      if (!('value' in text)) continue;
      for (const [module, how] of parseModprobeConfiguration(text.value))
        if (how === 'install' || !barred.has(module)) barred.set(module, how);
    }
  }
  return found(barred);
}
