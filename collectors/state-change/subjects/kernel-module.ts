import { hasCode, plainReason } from '../../../base/errors.js';
import type { Subject } from '../../interface/state-subject.js';
import { whileSubscribed } from '../../interface/while-subscribed.js';
import { readTextLines } from '../../kernel/files/text-lines.js';

/** Letters behind a module that taints the kernel (`kernel/panic.c`). */
const taints: Readonly<Record<string, string>> = {
  ...{ P: 'proprietary', O: 'out of tree', F: 'forced', C: 'staging', E: 'unsigned' },
  ...{ K: 'live patch', X: 'auxiliary', N: 'in-kernel test' },
};

/**
 * A line of /proc/modules (`kernel/module/procfs.c`): name, size, uses, users, state, address and taints. Undefined where it
 * is none, and for a module that is going.
 */
export function parseModule(line: string): { name: string; text: string } | undefined {
  const fields =
    /^(\S{1,64}) (\d{1,12}) -?\d+ \S+ (Live|Loading|Unloading) \S+(?: \(([A-Z+-]+)\))?$/;
  const [, name, size, state, letters = ''] = fields.exec(line.trimEnd()) ?? [];
  if (name === undefined || size === undefined || state === 'Unloading') return undefined;
  const marks = letters.split(/(?=.)/).flatMap((letter) => taints[letter] ?? []);
  return { name, text: [`${size} bytes`, ...marks].join(', ') };
}

/** The modules that the kernel has loaded: `16384 bytes, out of tree, unsigned`. */
export const kernelModule: Subject = {
  name: 'KernelModule',
  async watch({ changed, fail, host, lose }) {
    const subscription = await host.deviceEvents.subscribe({
      onEvent: ({ subsystem }) => {
        if (subsystem === 'module') changed();
      },
      onMissed: () => changed(),
      lose,
      onFailed: fail,
    });
    return whileSubscribed(subscription);
  },
  async look({ host, lose, signal }) {
    const items = new Map<string, string>();
    const path = `${host.paths.procRoot}/modules`;
    let unparsed = 0;
    const onLine = (line: string): undefined => {
      const found = parseModule(line);
      if (found !== undefined) items.set(found.name, found.text);
      else if (line !== '' && !line.includes(' Unloading ')) unparsed++;
    };
    try {
      const limits = { longestLine: 64 * 1024, longestFileBytes: 4 * 1024 * 1024 };
      const { cut, tooLong } = await readTextLines(path, { signal, onLine, ...limits });
      if (cut || tooLong > 0) return { unavailable: `${path} is too long to be read whole.` };
    } catch (error) {
      signal.throwIfAborted();
      // A kernel that was built without modules has no such file, and no module.
      if (!hasCode(error, 'ENOENT')) {
        return { unavailable: `${path} cannot be read (${plainReason(error)}).` };
      }
    }
    if (unparsed > 0) lose('unparsed', unparsed);
    return items;
  },
};
