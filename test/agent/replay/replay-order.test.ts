import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replayed } from '../../support/replayed.js';

type Line = readonly [type: string, body: string];
interface Recorded {
  readonly serial: number;
  readonly timeMs: number;
  readonly lines: readonly Line[];
}

const call = (pid: number, syscall: number, fields: string): Line => [
  'SYSCALL',
  `arch=c000003e syscall=${syscall} success=yes ${fields} ppid=1 pid=${pid} auid=0 uid=0 tty=(none) ses=1 comm="x" exe="/bin/x" key=(null)`,
];
const program = (serial: number, timeMs: number): Recorded => ({
  serial,
  timeMs,
  lines: [
    call(serial, 59, 'exit=0 a0=1'),
    ['EXECVE', `argc=3 a0="p" a1_len=8 a1[0]="abcd"`],
    ['EXECVE', `a1[1]="efgh" a2="${serial}"`],
    ['CWD', `cwd="/d${serial}"`],
    ['PROCTITLE', 'proctitle="p"'],
  ],
});
const accepted = (serial: number, timeMs: number): Recorded => ({
  serial,
  timeMs,
  lines: [
    call(serial, 288, `exit=5 a0=3 a1=7f00 a2=7f10`),
    ['SOCKADDR', `saddr=0200${serial.toString(16).padStart(4, '0')}C00002090000000000000000`],
    ['PROCTITLE', 'proctitle="s"'],
  ],
});
const told = ({ serial, lines }: Recorded): string =>
  lines.length === 5 ? `p abcdefgh ${serial} in /d${serial}` : `In 192.0.2.9:${serial}`;

const lineOf = ({ serial, timeMs }: Recorded, [type, body]: Line): string =>
  `type=${type} msg=audit(${(timeMs / 1000).toFixed(3)}:${serial}): ${body}`;

/** Up to twelve programs and accepted connections, each stamped at any time within an hour. */
const recorded = fc
  .array(fc.tuple(fc.boolean(), fc.nat(3_600_000)), { minLength: 1, maxLength: 12 })
  .map((kinds) =>
    kinds.map(([isProgram, ms], index) =>
      (isProgram ? program : accepted)(1000 + index, 1_700_000_000_000 + ms),
    ),
  );

/** The lines of all events, of which those of one event keep their order or do not. */
const mixed = (keepsOrder: boolean) =>
  recorded.chain((events) => {
    const lines = events.flatMap((event) => event.lines.map((line) => ({ event, line })));
    return fc.array(fc.nat(), { minLength: lines.length, maxLength: lines.length }).map((keys) => {
      const order = [...keys.keys()].sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
      const shuffled = order.flatMap((index) => lines[index] ?? []);
      if (!keepsOrder) return { events, text: shuffled.map((l) => lineOf(l.event, l.line)) };
      const taken = new Map<Recorded, number>();
      const text = shuffled.map(({ event }) => {
        const next = taken.get(event) ?? 0;
        taken.set(event, next + 1);
        return lineOf(event, event.lines[next] ?? ['EOE', '']);
      });
      return { events, text };
    });
  });

describe('the order of a recorded log', () => {
  it.each([true, false])(
    'any stamps and any interleaving give the same events (records of an event in order: %s)',
    async (keepsOrder) => {
      await fc.assert(
        fc.asyncProperty(mixed(keepsOrder), async ({ events, text }) => {
          const { brief, losses } = await replayed(`${text.join('\n')}\n`);
          expect([...brief].sort()).toEqual(events.map(told).sort());
          expect(losses).toEqual({});
        }),
        { numRuns: 60 },
      );
    },
  );

  it('events are told in the order in which they are finished in the log, whatever their stamps', async () => {
    await fc.assert(
      fc.asyncProperty(mixed(true), async ({ events, text }) => {
        const { brief } = await replayed(`${text.join('\n')}\n`);
        const lastOf = (event: Recorded) =>
          text.lastIndexOf(lineOf(event, event.lines.at(-1) ?? ['', '']));
        const inOrder = [...events].sort((a, b) => lastOf(a) - lastOf(b));
        expect(brief).toEqual(inOrder.map(told));
      }),
      { numRuns: 40 },
    );
  });

  it('copies of records, as of auditd and the journal in one log, double nothing', async () => {
    const copied = mixed(true).chain(({ events, text }) =>
      fc.array(fc.nat(text.length), { maxLength: 20 }).map((places) => {
        const lines = [...text];
        for (const place of places) {
          const line = text[place];
          const copy = line?.replace(/^type=(\w+) msg=/u, 'Nov 28 10:00:00 kernel: type=$1 ');
          if (line !== undefined && copy !== undefined) {
            const at = lines.indexOf(line) + 1 + (place % 3);
            lines.splice(at, 0, place % 2 === 0 ? line : copy);
          }
        }
        return { events, lines };
      }),
    );
    await fc.assert(
      fc.asyncProperty(copied, async ({ events, lines }) => {
        const { brief, losses } = await replayed(`${lines.join('\n')}\n`);
        expect([...brief].sort()).toEqual(events.map(told).sort());
        expect(losses).toEqual({});
      }),
      { numRuns: 60 },
    );
  });

  it('a record that is missing is counted by cause, and nothing else is', async () => {
    const causes = fc.constantFrom<readonly [string, string, object]>(
      ['SYSCALL', 'program', { recordsMissing: 1 }],
      ['EXECVE', 'program', { argumentsMissing: 1 }],
      ['CWD', 'program', {}],
      ['PROCTITLE', 'program', {}],
      ['SYSCALL', 'connection', { recordsMissing: 1 }],
      ['SOCKADDR', 'connection', { connectionGone: 1 }],
    );
    await fc.assert(
      fc.asyncProperty(recorded, causes, async (events, [type, kind, losses]) => {
        const torn = (kind === 'program' ? program : accepted)(5000, 1_700_000_000_000);
        const text = [...events, torn].flatMap((event) =>
          event.lines
            .filter(([name], index) => event !== torn || name !== type || index === 2)
            .map((line) => lineOf(event, line)),
        );
        const answer = await replayed(`${text.join('\n')}\n`);
        expect(answer.losses).toEqual(losses);
        expect(answer.brief.length).toBeGreaterThanOrEqual(events.length);
      }),
      { numRuns: 40 },
    );
  });

  it('devices with the same serials in one log are not merged', async () => {
    const events = ['a', 'b b'].flatMap((node) =>
      program(7, 1000).lines.map((line) => `node=${node} ${lineOf(program(7, 1000), line)}`),
    );
    const mixedUp = [0, 1, 2, 3, 4].flatMap((index) => [events[index], events[index + 5]]);
    const { brief, losses } = await replayed(`${mixedUp.join('\n')}\n`);
    expect(brief).toEqual([told(program(7, 1000)), told(program(7, 1000))]);
    expect(losses).toEqual({});
  });

  it('a reboot that begins the serials and a clock without battery again is another boot', async () => {
    const first = program(5, 4000).lines.map((line) => lineOf(program(5, 4000), line));
    const second = first.map((line) => line.replace('pid=5', 'pid=99').replace('"5"', '"99"'));
    const { payloads, losses } = await replayed(`${[...first, ...second].join('\n')}\n`);
    expect(payloads).toMatchObject([{ ProcessId: 5 }, { ProcessId: 99 }]);
    expect(losses).toEqual({});
  });

  it('a line that was cut by a crash is read as far as it goes, and so is the record that begins within it', async () => {
    const [system = '', ...rest] = program(5, 4000).lines.map((l) => lineOf(program(5, 4000), l));
    const next = accepted(6, 5000).lines.map((line) => lineOf(accepted(6, 5000), line));
    const text = [
      ...[system, ...rest.slice(0, -2)],
      `${rest.at(-2)?.slice(0, -3) ?? ''}${next[0] ?? ''}`,
      ...next.slice(1),
    ];
    const { brief, warnings } = await replayed(`${text.join('\n')}\n`);
    expect(brief).toContain('In 192.0.2.9:6');
    expect(brief.some((line) => line.startsWith('p abcdefgh 5'))).toBe(true);
    expect(warnings[0]).toContain('another record begins within it');
  });

  it('a call whose ABI has no known numbers, or whose record is torn, is counted by cause', async () => {
    const [system = ''] = accepted(5, 4000).lines.map((line) => lineOf(accepted(5, 4000), line));
    const sparc = await replayed(`${system.replace('c000003e', '8000002b')}\n`);
    expect([sparc.brief, sparc.losses]).toEqual([[], { unknownAbi: 1 }]);
    const torn = await replayed(`${system.slice(0, system.indexOf(' ppid='))}\n`);
    expect([torn.brief, torn.losses]).toEqual([[], { unparsed: 1 }]);
  });

  it('an address that is none is counted', async () => {
    const lines = accepted(5, 4000).lines.map((line) => lineOf(accepted(5, 4000), line));
    const text = lines.map((line) => line.replace('saddr=02', 'saddr=#02')).join('\n');
    expect((await replayed(`${text}\n`)).losses).toEqual({ unparsed: 1 });
  });

  it('a record that comes long after its event was told is counted once', async () => {
    const lines = program(5, 4000).lines.map((line) => lineOf(program(5, 4000), line));
    const others = Array.from({ length: 17_000 }, (_, index) =>
      lineOf(accepted(6 + index, 5000), ['CWD', 'cwd="/"']),
    );
    const late = lines.filter((line) => line.includes('a1[1]'));
    const text = [...lines.filter((line) => !line.includes('a1[1]')), ...others, ...late, ...late];
    const { losses, brief } = await replayed(`${text.join('\n')}\n`);
    expect(brief).toHaveLength(1);
    expect(losses).toMatchObject({ argumentsMissing: 1, assemblyOverflow: 1 });
  });
});
