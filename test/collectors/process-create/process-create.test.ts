import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import type { Observation } from '../../../collectors/interface/collector.js';
import type { Host } from '../../../collectors/interface/host.js';
import type { RawFacts } from '../../../collectors/interface/raw-facts.js';
import type { AuditEvent } from '../../../collectors/kernel/audit/event.js';
import { parseRecord } from '../../../collectors/kernel/audit/record.js';
import type { AuditSubscriber } from '../../../collectors/kernel/audit/source.js';
import type { ExecutedFile } from '../../../collectors/kernel/files/executable-hash.js';
import type { ProcessEventSubscriber } from '../../../collectors/kernel/processes/proc-connector.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { processCreate } from '../../../collectors/process-create/index.js';
import { observationOf } from '../../../collectors/process-create/payload.js';
import type { StartedProgram } from '../../../collectors/process-create/sources/program.js';
import { checkPayload } from '../../../contract/payload-check.js';
import { casePaths, caseSettings, fakeHost } from '../../support/case-host.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { anyCharacter } from '../../support/texts.js';

const debian = casePaths('debian-12-kernel-6.1');

/** An audit source that works while `refusal` is undefined. */
function auditSource(refusal?: string) {
  const source = {
    refusal,
    subscriber: undefined as AuditSubscriber | undefined,
    ended: 0,
    lateEvents: [] as AuditEvent[],
    subscribe(subscriber: AuditSubscriber) {
      if (source.refusal !== undefined) return Promise.resolve({ unavailable: source.refusal });
      source.subscriber = subscriber;
      subscriber.onState({ source: 'audit-owner' });
      return Promise.resolve({
        end() {
          source.ended++;
          for (const event of source.lateEvents) subscriber.onEvent(event);
          return Promise.resolve();
        },
      });
    },
  };
  return source;
}

function connectorSource(refusal?: string) {
  const source = {
    subscriber: undefined as ProcessEventSubscriber | undefined,
    ended: 0,
    subscribe(subscriber: ProcessEventSubscriber) {
      if (refusal !== undefined) return Promise.resolve({ unavailable: refusal });
      source.subscriber = subscriber;
      return Promise.resolve({
        end() {
          source.ended++;
        },
      });
    },
  };
  return source;
}

async function start(parts: Partial<Host>) {
  const clock = new FakeClock();
  const observed: Observation<'ProcessCreate'>[] = [];
  const states: SourceState[] = [];
  const [lose, fail] = [vi.fn(), vi.fn()];
  const answer = await processCreate.start({
    host: fakeHost({ clock, paths: debian, ...parts }),
    clock,
    emit: (observation) => {
      expect(checkPayload('ProcessCreate', observation.payload)).toBeUndefined();
      observed.push(observation);
    },
    lose,
    setSource: (state) => states.push(state),
    fail,
  });
  return { answer, clock, observed, states, lose, fail };
}

function execveEvent(serial: number, command: string): AuditEvent {
  const header = `audit(1700000000.123:${serial}): `;
  const texts: [number, string][] = [
    [
      1300,
      `arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=11 pid=${serial} auid=1000 uid=1000 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm="ls" exe="/usr/bin/ls" key=(null)`,
    ],
    [1309, `argc=2 a0="ls" a1=${Buffer.from(command).toString('hex').toUpperCase()}`],
    [1307, 'cwd="/home/operator"'],
    [1302, 'item=0 name="/usr/bin/ls" inode=1337 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00'],
    [1302, 'item=1 name="inode=1" inode=55 dev=103:1ff mode=0100755 ouid=0 ogid=0 rdev=00:00'],
  ];
  const records = texts.flatMap(([type, text]) => parseRecord(type, header + text) ?? []);
  return {
    id: `1700000000.123:${serial}`,
    serial,
    timeMs: 1_700_000_000_123,
    records,
    complete: true,
  };
}

describe('ProcessCreate from kernel audit', () => {
  it('tells the other collectors of each program that the kernel recorded it', async () => {
    const audit = auditSource();
    const executed = vi.fn();
    const feed = () => ({ executed, end: () => undefined });
    await start({ audit, processes: { ...fakeHost().processes, feed } });
    const event = execveEvent(7, 'x');
    audit.subscriber?.onEvent(event);
    const facts = {
      executable: '/usr/bin/ls',
      argv: ['ls', 'x'],
      argvComplete: true,
      realUid: 1000,
      audited: true,
    };
    expect(executed.mock.calls).toEqual([[7, 11, facts, event.timeMs, event.serial]]);
  });

  it('tells executable, arguments, ids, names and the hash', async () => {
    const audit = auditSource();
    const asked: ExecutedFile[] = [];
    const { observed, states } = await start({
      audit,
      processes: {
        ...fakeHost().processes,
        of: (pid, atMs) =>
          pid === 11 && atMs === 1_700_000_000_123
            ? { pid, executable: '/usr/bin/bash', argv: ['bash', '-c', 'ls two\\ words'] }
            : undefined,
      },
      users: { nameOf: (uid) => (uid === 1000 ? 'operator' : undefined), uidOf: () => undefined },
      executableHashes: {
        enabled: true,
        hashOf: (file, told) => {
          asked.push(file);
          told('ab12');
        },
      },
    });
    audit.subscriber?.onEvent(execveEvent(77, 'two words'));
    await settle();
    expect(states).toEqual([{ source: 'audit-owner' }]);
    expect(observed).toEqual([
      {
        timeMs: 1_700_000_000_123,
        argv: ['ls', 'two words'],
        detailArgv: { ParentCommandLine: ['bash', '-c', 'ls two\\ words'] },
        raw: expect.any(Function) as () => RawFacts,
        payload: {
          Executable: '/usr/bin/ls',
          ProcessId: 77,
          ParentProcessId: 11,
          UserId: '1000',
          UserName: 'operator',
          CommandLine: 'ls two words',
          ExtraDetails: {
            Hash: 'ab12',
            AuditUserId: '1000',
            AuditUserName: 'operator',
            SessionId: '3',
            Terminal: 'pts/0',
            ParentExecutable: '/usr/bin/bash',
            WorkingDirectory: '/home/operator',
          },
        },
      },
    ]);
    expect(observed[0]?.raw?.()).toEqual({
      executedPath: '/usr/bin/ls',
      comm: 'ls',
      effectiveUserId: '0',
    });
    // makedev(0xfe, 0), as stat(2) gives it.
    expect(asked[0]?.candidates).toMatchObject([{ inode: 1337n, device: 0xfe00n }]);
  });

  it('counts a program without hash, unless hashes are not wanted', async () => {
    const audit = auditSource();
    const wanted = await start({
      audit,
      executableHashes: { enabled: true, hashOf: (_file, told) => told('') },
    });
    audit.subscriber?.onEvent(execveEvent(77, 'x'));
    await settle();
    expect(wanted.lose.mock.calls).toEqual([['hashSkipped', 1]]);
    const other = auditSource();
    const unwanted = await start({ audit: other });
    other.subscriber?.onEvent(execveEvent(77, 'x'));
    await settle();
    expect(unwanted.observed).toHaveLength(1);
    expect(unwanted.lose).not.toHaveBeenCalled();
  });

  it('has a program looked at while it lives, before its hash is waited for', async () => {
    const audit = auditSource();
    const notice = vi.fn();
    await start({
      audit,
      executableHashes: { enabled: true, hashOf: () => undefined },
      inventoryProcesses: { notice },
    });
    audit.subscriber?.onEvent(execveEvent(77, 'x'));
    expect(notice.mock.calls).toEqual([[77, 11]]);
  });

  it('tells what was read before the stop, and nothing after it', async () => {
    const audit = auditSource();
    const { answer, observed, clock } = await start({
      audit,
      executableHashes: { enabled: true, hashOf: () => undefined },
    });
    if (isUnavailable(answer)) throw new Error(answer.unavailable);
    audit.subscriber?.onEvent(execveEvent(1, 'x'));
    audit.lateEvents.push(execveEvent(2, 'x'));
    await answer.stop();
    expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([1, 2]);
    audit.subscriber?.onEvent(execveEvent(3, 'x'));
    await clock.advance(1000);
    expect(observed).toHaveLength(2);
    expect(clock.timers).toBe(0);
  });
});

describe('ProcessCreate without audit', () => {
  it('says so when the path of the program could not be seen', async () => {
    const processEvents = connectorSource();
    const { observed } = await start({ audit: auditSource('No audit.'), processEvents });
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 2, timeMs: 1 });
    await settle();
    expect(observed[0]?.payload).toMatchObject({
      Executable: 'kthreadd',
      CommandLine: 'kthreadd',
      ExtraDetails: { ExecutableKnown: 'false', CommandLineKnown: 'false' },
    });
  });

  it('takes the proc connector, and says why', async () => {
    const processEvents = connectorSource();
    const { observed, states } = await start({ audit: auditSource('No audit.'), processEvents });
    expect(states).toHaveLength(1);
    expect(states[0]).toMatchObject({
      source: 'proc-connector',
      limitation: expect.stringMatching(/may be unknown\. No audit\.$/u) as string,
    });
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 2044, timeMs: 1 });
    await settle();
    expect(observed[0]?.payload).toEqual({
      Executable: '/tmp/a) S (b c (deleted)',
      ProcessId: 2044,
      ParentProcessId: 612,
      UserId: '1000',
      CommandLine: '/tmp/a) S (b c --name=\ufffd\ufffd  two words',
      ExtraDetails: {
        Hash: '',
        AuditUserId: '1000',
        SessionId: '3',
        WorkingDirectory: '/home/operator',
      },
    });
  });

  it('tells a process that was gone too soon with what is known, marked and counted', async () => {
    const processEvents = connectorSource();
    const { observed, lose } = await start({ audit: auditSource('No audit.'), processEvents });
    processEvents.subscriber?.onEvent({ kind: 'fork', pid: 5000, parentPid: 612, timeMs: 1 });
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 5000, timeMs: 1 });
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 5001, timeMs: 1 });
    await settle();
    expect(observed.map(({ payload }) => payload)).toEqual([
      {
        Executable: '',
        ProcessId: 5000,
        ParentProcessId: 612,
        UserId: '',
        CommandLine: '',
        ExtraDetails: {
          Hash: '',
          ExecutableKnown: 'false',
          CommandLineKnown: 'false',
          UserIdKnown: 'false',
        },
      },
      {
        Executable: '',
        ProcessId: 5001,
        ParentProcessId: 0,
        UserId: '',
        CommandLine: '',
        ExtraDetails: {
          Hash: '',
          ExecutableKnown: 'false',
          CommandLineKnown: 'false',
          UserIdKnown: 'false',
          ParentProcessIdKnown: 'false',
        },
      },
    ]);
    expect(lose.mock.calls).toEqual([
      ['processGone', 1],
      ['processGone', 1],
    ]);
  });

  it('leaves out what was read after the process had executed something else', async () => {
    const processEvents = connectorSource();
    const { clock, observed, lose } = await start({
      audit: auditSource('No audit.'),
      processEvents,
    });
    const timeMs = clock.wallMs();
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 2044, timeMs: timeMs - 3 });
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 2044, timeMs: timeMs - 2 });
    await settle();
    expect(observed.map(({ payload }) => payload.Executable)).toEqual([
      '',
      '/tmp/a) S (b c (deleted)',
    ]);
    expect(lose.mock.calls).toEqual([['processGone', 1]]);
  });

  it('looks at /proc when nothing else works, and says what that misses', async () => {
    const { states } = await start({
      audit: auditSource('No audit.'),
      processEvents: connectorSource('No connector.'),
    });
    expect(states[0]?.source).toBe('polling');
    expect(states[0]?.limitation).toMatch(/shorter than PT1S.*No audit\. No connector\.$/u);
  });

  it('goes back to audit when that works again', async () => {
    const audit = auditSource('No audit.');
    const processEvents = connectorSource();
    const { clock, states } = await start({ audit, processEvents });
    await clock.advance(300_000);
    expect(processEvents.ended).toBe(0);
    audit.refusal = undefined;
    await clock.advance(300_000);
    expect(states.map(({ source }) => source)).toEqual(['proc-connector', 'audit-owner']);
    expect(processEvents.ended).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it('falls back while running when audit ends, and says so', async () => {
    const audit = auditSource();
    const processEvents = connectorSource();
    const { observed, states, fail } = await start({ audit, processEvents });
    audit.refusal = 'Audit is gone.';
    audit.subscriber?.onFailed(new Error('It ended.'));
    await settle();
    expect(states.map(({ source }) => source)).toEqual(['audit-owner', 'proc-connector']);
    expect(states[1]?.limitation).toContain('Audit is gone.');
    processEvents.subscriber?.onEvent({ kind: 'exec', pid: 612, timeMs: 1 });
    await settle();
    expect(observed).toHaveLength(1);
    expect(fail).not.toHaveBeenCalled();
  });
});

describe('the setting processSource', () => {
  const only = (processSource: Host['settings']['processSource']) => ({
    settings: { ...caseSettings, processSource },
  });

  it('takes that source alone, and is unavailable with the reason when it does not work', async () => {
    const processEvents = connectorSource();
    const { answer } = await start({ ...only('audit'), audit: auditSource('No.'), processEvents });
    expect(answer).toEqual({ unavailable: 'No.' });
    expect(processEvents.subscriber).toBeUndefined();
  });

  it('does not take a better source than it names', async () => {
    const audit = auditSource();
    const { states, clock } = await start({ ...only('polling'), audit });
    expect(states.map(({ source }) => source)).toEqual(['polling']);
    await clock.advance(700_000);
    expect(audit.subscriber).toBeUndefined();
  });

  it('fails the collector when the only source ends for good', async () => {
    const audit = auditSource();
    const { fail } = await start({ ...only('audit'), audit });
    audit.refusal = 'No more.';
    audit.subscriber?.onFailed(new Error('It ended.'));
    await settle();
    expect(fail).toHaveBeenCalledWith(new Error('It ended. No more.'));
  });
});

describe('the payload of a started program', () => {
  it('is valid whatever is known, and its command line are its arguments', () => {
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const program: fc.Arbitrary<StartedProgram> = fc.record({
      timeMs: fc.nat(),
      pid: fc.nat(),
      parentPid: maybe(fc.nat()),
      realUid: maybe(fc.nat()),
      executable: maybe(fc.string({ unit: anyCharacter })),
      argv: fc.array(fc.string({ unit: anyCharacter })),
      argvComplete: fc.boolean(),
      comm: maybe(fc.string()),
      auditUserId: maybe(fc.nat()),
      sessionId: maybe(fc.nat()),
      terminal: maybe(fc.string()),
      workingDirectory: maybe(fc.string()),
      files: fc.constant([]),
    });
    fc.assert(
      fc.property(program, maybe(fc.string()), fc.string(), (known, userName, hash) => {
        const { payload, argv } = observationOf(known, { userName, container: null }, hash);
        expect(checkPayload('ProcessCreate', payload)).toBeUndefined();
        expect(payload.CommandLine).toBe(argv?.join(' '));
      }),
    );
  });
});
