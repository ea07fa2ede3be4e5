import { describe, expect, it } from 'vitest';
import { handedOverSockets } from '../../../agent/supervisor/systemd-sockets.js';

describe('sockets handed over by systemd', () => {
  const given = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'connector:audit' };

  it('are found by name, whatever their order', () => {
    expect([...handedOverSockets(given, 42)]).toEqual([
      ['connector', 3],
      ['audit', 4],
    ]);
  });

  it('are left alone when they are meant for another process', () => {
    expect(handedOverSockets(given, 43).size).toBe(0);
    expect(handedOverSockets({}, 42).size).toBe(0);
  });

  it.each(['0', '-1', 'many', '1e9', ''])('are none when their number is %j', (count) => {
    expect(handedOverSockets({ ...given, LISTEN_FDS: count }, 42).size).toBe(0);
  });

  it('names beyond their number are ignored', () => {
    const sockets = handedOverSockets({ ...given, LISTEN_FDS: '1' }, 42);
    expect([...sockets]).toEqual([['connector', 3]]);
  });
});
