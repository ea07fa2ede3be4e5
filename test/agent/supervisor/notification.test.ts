import { describe, expect, it } from 'vitest';
import { notificationText, notifyAddress } from '../../../agent/supervisor/notification.js';

describe('a notification', () => {
  it('is one assignment a line', () => {
    expect(notificationText({ ready: true, status: 'Connected', extendTimeoutMs: 1500 })).toBe(
      'READY=1\nSTATUS=Connected\nEXTEND_TIMEOUT_USEC=1500000',
    );
    expect(notificationText({ watchdog: true })).toBe('WATCHDOG=1');
    expect(notificationText({ stopping: true })).toBe('STOPPING=1');
  });

  it('cannot be made to say more by the text of a status, which is cut', () => {
    const text = notificationText({ status: `a\nMAINPID=1 ${'x'.repeat(1000)}` });
    expect(text.split('\n')).toHaveLength(1);
    expect(text.length).toBeLessThan(220);
  });
});

describe('the address of the service manager', () => {
  it('is a path, or an abstract name that begins with a zero byte and ends with its last letter', () => {
    expect(notifyAddress('/run/systemd/notify')).toEqual(
      Buffer.concat([Buffer.from([1, 0]), Buffer.from('/run/systemd/notify\0')]),
    );
    expect(notifyAddress('@/org/systemd/notify')).toEqual(
      Buffer.concat([Buffer.from([1, 0]), Buffer.from('\0/org/systemd/notify')]),
    );
  });

  it.each(['', '@', '/', 'relative', 'vsock:2:1234', `/${'x'.repeat(108)}`])(
    'is not %j',
    (name) => {
      expect(notifyAddress(name)).toBeUndefined();
    },
  );
});
