import { describe, expect, it } from 'vitest';
import { systemLog } from '../../../../collectors/kernel/audit/system-log.js';
import { FakeLibc } from '../../../support/fake-libc.js';

describe('the log of the system', () => {
  it('gets one entry a line, into which no record can smuggle a field', () => {
    const libc = new FakeLibc();
    const write = systemLog(libc);
    expect(write('audit: type=1107 msg=\nPRIORITY=0\nend')).toBe(true);
    expect(libc.sent.map(String)).toEqual([
      'MESSAGE=audit: type=1107 msg= PRIORITY=0 end\nPRIORITY=5\nSYSLOG_IDENTIFIER=audit\n',
    ]);
  });

  it('opens its socket at the first line and only once', () => {
    const libc = new FakeLibc();
    const write = systemLog(libc);
    expect(libc.sockets.size).toBe(0);
    write('one');
    write('two');
    expect(libc.sockets.size).toBe(1);
  });
});
