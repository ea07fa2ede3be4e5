import { describe, expect, it } from 'vitest';
import { executedFiles } from '../../../../collectors/kernel/audit/executed-file.js';
import { readExecve } from '../../../../collectors/kernel/audit/execve.js';
import { eventsOf } from '../../../support/audit-cases.js';

/** PATH records for these names, each with an inode of its own: 1, 2, … */
const event = (...names: readonly string[]) => ({
  records: names.map((name, index) => ({
    type: 1302,
    id: '1.000:1',
    serial: 1,
    timeMs: 1000,
    body: `item=${index} name="${name}" inode=${names.indexOf(name) + 1} dev=08:01 mode=0100755 nametype=NORMAL`,
  })),
});
const inodes = (names: readonly string[], firstArgument: string): readonly bigint[] =>
  executedFiles(event(...names), firstArgument).map(({ inode }) => inode);
const loader = '/lib64/ld-linux-x86-64.so.2';

describe('the file that was executed', () => {
  it('is the program, which some kernels tell twice, and not its loader', () => {
    expect(inodes(['/bin/true'], 'true')).toEqual([1n]);
    expect(inodes(['/bin/true', loader], 'true')).toEqual([1n]);
    expect(inodes(['/bin/true', '/bin/true', loader], 'true')).toEqual([1n]);
    expect(executedFiles(event('/bin/true'), 'true')).toEqual([
      expect.objectContaining({ device: 0x801n, inode: 1n }),
    ]);
    // makedev(0x103, 0x1ff), as stat(2) gives it.
    const [record] = event('/bin/true').records;
    const far = { ...record, body: record?.body.replace('08:01', '103:1ff') ?? '' };
    const [file] = executedFiles({ records: [far as never] }, 'true');
    expect(file?.device).toBe(0x1103ffn);
  });

  it('is not the link that led to it', () => {
    const linked = event('/usr/bin/python3', '/usr/bin/python3', loader);
    const [program, link, last] = linked.records.map(({ body, ...rest }, index) => ({
      ...rest,
      body: index === 1 ? body.replace('inode=1', 'inode=9').replace('0100755', '0120777') : body,
    }));
    if (program === undefined || link === undefined || last === undefined) throw new Error('none');
    const found = executedFiles({ records: [program, link, last] }, 'python3');
    expect(found.map(({ inode }) => inode)).toEqual([1n]);
  });

  it('is of a script its interpreter, which the kernel made the first argument', () => {
    expect(inodes(['/usr/bin/ldd', '/bin/bash', loader], '/bin/bash')).toEqual([2n]);
    expect(inodes(['/a', '/b', '/bin/bash', loader], '/bin/bash')).toEqual([3n]);
  });

  it('is never a script, whatever program of whoever interprets it', () => {
    expect(inodes(['/mnt/ldd', '/bin/bash', loader], '/bin/bash')).not.toContain(1n);
    expect(inodes(['/start', '/mnt/ldd', '/bin/bash'], '/bin/bash')).toEqual([3n]);
  });

  it('is not told where arguments decide that anybody can choose', () => {
    expect(inodes(['/tmp/evil', loader], loader)).toEqual([]);
    expect(inodes(['/start', '/bin/sh'], '/bin/sh')).toEqual([]);
    expect(inodes(['/a', '/b', '/c', loader], 'none of them')).toEqual([]);
  });

  it('is found in what kernels recorded', () => {
    const found = eventsOf('debian-12-kernel-6.1-x64.log').flatMap((recorded) => {
      const execve = readExecve(recorded);
      return execve === undefined ? [] : [executedFiles(recorded, execve.argv[0])];
    });
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((files) => files.length === 1)).toBe(true);
  });
});
