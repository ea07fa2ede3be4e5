import { describe, expect, it } from 'vitest';
import { Replay } from '../../agent/replay/replay.js';
import type { SecurityEvent } from '../../agent/pipeline/event.js';
import { LiveView } from '../../local-hub/live-view/live-view.js';

const hex = (bytes: Buffer): string => bytes.toString('hex').toUpperCase();

/** The event of a program that was started with these arguments, as audit tells it. */
function started(args: readonly Buffer[]): SecurityEvent {
  const events: SecurityEvent[] = [];
  const replay = new Replay({
    onEvent: (event) => events.push(event),
    onMalformed: (_line, why) => expect.unreachable(why),
    lose: () => undefined,
  });
  const id = 'msg=audit(1767000000.123:7):';
  const list = args.map((each, index) => `a${index}=${hex(each)}`).join(' ');
  [
    `type=SYSCALL ${id} arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=1 pid=9 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 comm="x" exe=${hex(args[0] ?? Buffer.alloc(0))} key=(null)`,
    `type=EXECVE ${id} argc=${args.length} ${list}`,
    `type=PROCTITLE ${id} proctitle="x"`,
  ].forEach((text, index) => replay.push({ number: index + 1, state: 'whole', text } as never));
  replay.end();
  const [event] = events;
  if (event === undefined) throw new Error('no event');
  return event;
}

describe('names and arguments of hostile programs', () => {
  const evil = '/tmp/\u202egnp.\u001b[2J\n<3>Jan 1 forged: all is well\u2028\u0007';

  it('arrive intact, and on one harmless line of whoever watches', () => {
    const event = started([Buffer.from(evil), Buffer.from('--plain'), Buffer.from('\r\n')]);
    const [payload] = event.Payload as readonly { CommandLine: string; Executable: string }[];
    expect(payload?.Executable).toBe(evil);
    expect(payload?.CommandLine).toBe(`${evil} --plain \r\n`);
    const body = JSON.stringify({ Events: [event] });
    // What JSON escapes: nothing below U+0020 stands in the text of a message.
    // eslint-disable-next-line no-control-regex
    expect(body).not.toMatch(/[\u0000-\u001f]/);
    const lines = new LiveView().message({
      deviceId: 'device',
      moduleId: undefined,
      body,
      json: JSON.parse(body),
      properties: {},
      systemProperties: {},
      sizeBytes: body.length,
      receivedAt: new Date(0),
      problems: [],
    });
    expect(lines.filter((line) => line.includes('forged'))).toHaveLength(1);
    for (const line of lines) expect(line).not.toMatch(/[\p{C}\u2028\u2029]/u);
  });

  it('with bytes that are no UTF-8 keep everything around them', () => {
    const event = started([Buffer.from('/bin/x'), Buffer.from([0x61, 0xff, 0xc0, 0x62])]);
    const [payload] = event.Payload as readonly { CommandLine: string }[];
    expect(payload?.CommandLine).toMatch(/^\/bin\/x a.+b$/u);
    // Half a character would not survive the way through UTF-8.
    expect(Buffer.from(payload?.CommandLine ?? '').toString()).toBe(payload?.CommandLine);
  });
});
