import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import { Journal } from '../../../../collectors/kernel/files/journal.js';
import type {
  JournalLibrary,
  OpenJournal,
} from '../../../../collectors/kernel/files/journal-library.js';
import type { DescriptorOwner } from '../../../../collectors/kernel/reader.js';

/** A journal whose entries a test writes; a number is an entry that cannot be read, by its errno. */
function setUp(opened: Partial<OpenJournal> | number = {}) {
  const entries: (Readonly<Record<string, string>> | number)[] = [];
  let current: Readonly<Record<string, string>> = {};
  const owners = new Map<number, DescriptorOwner>();
  let closed = 0;
  const open: OpenJournal = {
    fd: 5,
    sizeBytes: 8_388_608,
    process: () => 0,
    next: () => {
      const entry = entries.shift();
      if (entry === undefined) return 0;
      if (typeof entry === 'number') return entry;
      current = entry;
      return 1;
    },
    field: (name) => current[name],
    timeMs: () => 1234,
    close: () => closed++,
    ...(typeof opened === 'number' ? {} : opened),
  };
  const library: JournalLibrary = { open: () => (typeof opened === 'number' ? opened : open) };
  const seen: string[] = [];
  const losses: string[] = [];
  const failures: string[] = [];
  const subscribe = (load: () => ReturnType<typeof loaded> = loaded) =>
    new Journal({
      reader: {
        add: (fd, owner) => void owners.set(fd, owner),
        remove: (fd) => void owners.delete(fd),
      },
      load,
      directory: undefined,
    }).subscribe({
      matches: [],
      fields: ['A', 'B'],
      onEntry: ({ timeMs, fields }) => seen.push(`${timeMs} ${[...fields].join(' ')}`),
      lose: (cause, count) => losses.push(`${count} × ${cause}`),
      onFailed: ({ message }) => failures.push(message),
    });
  const loaded = (): Promise<JournalLibrary | { unavailable: string }> => Promise.resolve(library);
  return { entries, owners, seen, losses, failures, subscribe, closed: () => closed };
}

describe('the journal of the device', () => {
  it('tells each entry once with the fields that were asked for, and what is left at the end', async () => {
    const { entries, owners, seen, subscribe, closed } = setUp();
    const running = await subscribe();
    entries.push({ A: '1', C: 'x' }, { B: '2' });
    expect(owners.get(5)?.readable()).toBe('drained');
    expect(seen).toEqual(['1234 A,1', '1234 B,2']);
    entries.push({ A: '3' });
    if (isUnavailable(running)) throw new Error(running.unavailable);
    running.end();
    expect(seen).toEqual(['1234 A,1', '1234 B,2', '1234 A,3']);
    expect([owners.size, closed()]).toEqual([0, 1]);
  });

  it('leaves others their turn when many entries came', async () => {
    const { entries, owners, seen, subscribe } = setUp();
    await subscribe();
    entries.push(...Array.from({ length: 300 }, () => ({ A: 'x' })));
    expect(owners.get(5)?.readable()).toBe('more');
    expect(seen).toHaveLength(256);
    expect(owners.get(5)?.readable()).toBe('drained');
    expect(seen).toHaveLength(300);
  });

  it('counts an entry that cannot be read, and goes on with the next', async () => {
    const { entries, owners, seen, losses, subscribe } = setUp();
    await subscribe();
    entries.push(-constants.errno.EBADMSG, { A: '1' });
    owners.get(5)?.readable();
    owners.get(5)?.readable();
    expect([seen, losses]).toEqual([['1234 A,1'], ['1 × unparsed']]);
  });

  it('is not available without libsystemd, without files, or when it may not be read, and says why', async () => {
    const reasons = await Promise.all([
      setUp().subscribe(() => Promise.resolve({ unavailable: 'No libsystemd.' })),
      setUp({ sizeBytes: 0 }).subscribe(),
      setUp(-constants.errno.EACCES).subscribe(),
    ]);
    const texts = reasons.map((answer) => (isUnavailable(answer) ? answer.unavailable : ''));
    expect(texts).toEqual([
      'No libsystemd.',
      expect.stringContaining('There is no journal'),
      expect.stringContaining('EACCES'),
    ]);
  });
});
