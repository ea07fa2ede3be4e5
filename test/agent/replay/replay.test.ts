import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replay, rulesIn } from '../../../agent/commands/replay.js';
import type { SecurityEvent } from '../../../agent/pipeline/event.js';
import { checkPayload } from '../../../contract/payload-check.js';

const caseFile = (name: string) =>
  fileURLToPath(new URL(`../../collectors/kernel/audit/cases/${name}`, import.meta.url));

const run = async (
  files: readonly string[],
  stdin = Readable.from([]),
  rules?: Parameters<typeof replay>[0]['rules'],
) => {
  let text = '';
  const warnings: string[] = [];
  const code = await replay({
    files,
    stdin,
    ...(rules !== undefined && { rules }),
    write: (written) => {
      text += written;
      return Promise.resolve(true);
    },
    warn: (sentence) => warnings.push(sentence),
  });
  const events = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SecurityEvent);
  return { code, events, warnings, payloads: events.flatMap(({ Payload }) => Payload) };
};
const runText = (...texts: string[]) => run(['-'], Readable.from(texts.map((t) => Buffer.from(t))));

const commandLines = (payloads: readonly object[]) =>
  payloads.map((payload) => ('CommandLine' in payload ? payload.CommandLine : undefined));

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('replay', () => {
  it('gives the programs of interleaved events, split and encoded arguments', async () => {
    const { payloads, warnings, code } = await run([caseFile('debian-12-kernel-6.18-x64.log')]);
    expect(code).toBe(0);
    expect(warnings.map((sentence) => sentence.split(':')[0])).toEqual(['1 × commandLineCut']);
    expect(commandLines(payloads)).toContain(
      `/bin/true with blank quo"te größe  line\nfeed (null) ? DEADBEEF a=b it's`,
    );
    const interleaved = await run([caseFile('debian-12-kernel-6.1-interleaved.log')]);
    expect(commandLines(interleaved.payloads).slice(0, 2)).toEqual(['payload', 'sudo -n id']);
  });

  it('with rules gives the events alone that raise an alert, judged before anything is masked', async () => {
    const file = caseFile('debian-12-kernel-6.1-interleaved.log');
    const rules = join(directory, 'rules.d');
    mkdirSync(rules);
    writeFileSync(
      join(rules, 'sudo.yml'),
      `title: Root
id: root
level: low
alert_type: IoT_Root
logsource: {category: process_creation, product: linux}
detection: {s: {CommandLine: 'sudo -n id', Image|endswith: /sudo}, condition: s}
`,
    );
    const all = await run([file]);
    const { code, events } = await run([file], Readable.from([]), await rulesIn(rules));
    expect(code).toBe(0);
    expect(events.length).toBeGreaterThan(0);
    expect(events.length).toBeLessThan(all.events.length);
    for (const { Payload } of events)
      expect(Payload).toMatchObject([
        { CommandLine: 'sudo -n id', ExtraDetails: { AlertType: 'IoT_Root', RuleId: 'root' } },
      ]);
  });

  it('takes the events of kernels without PROCTITLE for whole', async () => {
    const { payloads } = await run([caseFile('rhel-7-kernel-3.10.log')]);
    expect(payloads).toMatchObject([
      { CommandLine: 'python -c print("hello")\n', UserId: '1000' },
      { CommandLine: 'echo abcdefghijklmnop' },
    ]);
    expect(payloads.map(({ ExtraDetails }) => ExtraDetails?.['CommandLineKnown'])).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('takes user names from an enriched log, and from nowhere else', async () => {
    const enriched = await run([caseFile('ubuntu-22.04-kernel-5.15-enriched.log')]);
    expect(enriched.payloads).toMatchObject([{ UserId: '0', UserName: 'root' }]);
    const plain = await run([caseFile('debian-12-kernel-6.18-x64.log')]);
    expect(plain.payloads.filter((payload) => 'UserName' in payload)).toEqual([]);
  });

  it('gives the logins', async () => {
    const { events, payloads } = await run([caseFile('debian-12-logins-password.log')]);
    expect(events.every(({ Name }) => Name === 'Login')).toBe(true);
    expect(payloads).toHaveLength(20);
  });

  it('gives the same text each time, whoever runs it', async () => {
    const file = caseFile('debian-12-logins-password.log');
    const first = await run([file]);
    expect(await run([file])).toEqual(first);
    expect(new Set(first.events.map(({ Id }) => Id)).size).toBe(first.events.length);
    expect(first.events[0]?.TimestampLocal).toMatch(/\+00:00$/);
  });

  const execve = (serial: number, ...argv: string[]) =>
    [
      `type=SYSCALL msg=audit(1700000000.000:${serial}): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=${serial} auid=0 uid=0 ses=1 comm="x" exe="/bin/x" key=(null)`,
      `type=EXECVE msg=audit(1700000000.000:${serial}): argc=${argv.length} ${argv.map((a, i) => `a${i}="${a}"`).join(' ')}`,
      '',
    ].join('\n');

  it('masks secrets and cuts long command lines as live reading does', async () => {
    const { payloads, warnings } = await runText(
      execve(1, 'login', '--password', 'geheim') + execve(2, 'x', 'y'.repeat(9000)),
    );
    expect(commandLines(payloads)[0]).toBe('login --password ***');
    expect(payloads[1]?.ExtraDetails).toMatchObject({ CommandLineSizeBytes: '9002' });
    expect(warnings.map((sentence) => sentence.split(':')[0])).toEqual(['1 × commandLineCut']);
  });

  it('gives the connections, and says what a log alone cannot know of them', async () => {
    const connect = [
      'type=SYSCALL msg=audit(1700000000.000:9): arch=c000003e syscall=42 success=no exit=-115 a0=3 ppid=1 pid=90 auid=1000 uid=1000 ses=1 comm="curl" exe="/usr/bin/curl" key=(null)',
      'type=SOCKADDR msg=audit(1700000000.000:9): saddr=020001BBC00002010000000000000000',
      'type=PROCTITLE msg=audit(1700000000.000:9): proctitle=6375726C00687474703A2F2F78',
      '',
    ].join('\n');
    const { payloads } = await runText(connect);
    expect(payloads).toMatchObject([
      {
        Direction: 'Out',
        RemoteAddress: '192.0.2.1',
        RemotePort: '443',
        ProcessId: 90,
        CommandLine: 'curl http://x',
        ExtraDetails: { EstablishedKnown: 'false' },
      },
    ]);
  });

  it('keeps devices that share a log apart', async () => {
    const both = ['gate-a', 'gate-b'].map((node) =>
      execve(7, 'on', node)
        .split('\n')
        .map((line) => (line === '' ? '' : `node=${node} ${line}`)),
    );
    const mixed = [0, 1].flatMap((index) => both.map((lines) => `${lines[index] ?? ''}\n`));
    const { payloads } = await runText(...mixed);
    expect(commandLines(payloads)).toEqual(['on gate-a', 'on gate-b']);
  });

  it('reads what the kernel prints where no daemon runs', async () => {
    const printed = execve(3, 'printed')
      .replace('type=SYSCALL msg=', '[   12.345678] audit: type=1300 ')
      .replace('type=EXECVE msg=', '[   12.345678] audit: type=1309 ');
    expect(commandLines((await runText(printed)).payloads)).toEqual(['printed']);
  });

  it('names and counts lines that it cannot use, without their content, and goes on', async () => {
    const { code, payloads, warnings } = await runText(
      `${execve(1, 'before')}password=geheim\n----\ntime->Thu Nov 23\n\n${execve(2, 'after')}`,
    );
    expect(code).toBe(0);
    expect(commandLines(payloads)).toEqual(['before', 'after']);
    expect(warnings).toEqual([
      '-, line 3 cannot be used as it is: it is not an audit record.',
      '1 line could not be used as it is.',
    ]);
  });

  it('says that a file without one record is none of audit, with its exit code', async () => {
    const { code, warnings } = await runText('\u007fELF\u0001\n\n\u0000\u0002\n');
    expect(code).toBe(1);
    expect(warnings.slice(2)).toEqual([
      '2 lines could not be used as they are.',
      'Not one line was a record of audit: name logs as auditd or the kernel writes them.',
    ]);
    const unread = await runText('type=DAEMON_START msg=audit(1700000000.000:1): op=start\nx\n');
    expect(unread.code).toBe(0);
    expect((await runText('')).code).toBe(0);
  });

  it('reads a last line that was cut as far as it goes, and marks its event', async () => {
    const { payloads, warnings } = await runText(execve(1, 'one', 'two').trimEnd().slice(0, -2));
    expect(payloads[0]?.ExtraDetails).toMatchObject({ CommandLineKnown: 'false' });
    expect(warnings[0]).toContain('the file ends in the middle of it');
  });

  it('passes over a line longer than any record', async () => {
    const { payloads, warnings } = await runText('x'.repeat(300_000), '\n', execve(1, 'after'));
    expect(commandLines(payloads)).toEqual(['after']);
    expect(warnings[0]).toContain('line 1');
  });

  it('goes on with the other files when one cannot be read, and says so with its exit code', async () => {
    const readable = join(directory, 'audit.log');
    writeFileSync(readable, execve(1, 'read'));
    const { code, payloads, warnings } = await run([join(directory, 'missing'), readable]);
    expect(code).toBe(1);
    expect(commandLines(payloads)).toEqual(['read']);
    expect(warnings[0]).toBe(
      `${join(directory, 'missing')} cannot be read: no such file or directory (ENOENT).`,
    );
  });

  it('goes on over files, also when an event begins in one and ends in the next', async () => {
    const [first = '', second = ''] = execve(1, 'spread').split('\n');
    writeFileSync(join(directory, 'a'), `${first}\n`);
    writeFileSync(join(directory, 'b'), `${second}\n`);
    const { payloads } = await run([join(directory, 'a'), join(directory, 'b')]);
    expect(commandLines(payloads)).toEqual(['spread']);
  });

  it('gives only valid payloads and never throws, whatever the log holds', async () => {
    const whole = ['debian-12-logins-password.log', 'debian-12-kernel-6.1-interleaved.log']
      .map((name) => readFileSync(caseFile(name), 'latin1'))
      .join('');
    const mutation = fc.tuple(
      fc.nat(whole.length - 1),
      fc.constantFrom(
        '\n',
        '"',
        "'",
        '\u0000',
        '=',
        ' ',
        'type=',
        '(',
        '\u001d',
        'FF',
        '9'.repeat(12),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 60 }), async (mutations) => {
        let text = whole;
        for (const [at, by] of mutations)
          text = text.slice(0, at) + by + text.slice(at + by.length);
        const { events, warnings } = await runText(text);
        expect(warnings.filter((sentence) => sentence.includes('invalidEvent'))).toEqual([]);
        for (const { Name, Payload } of events) {
          for (const payload of Payload) expect(checkPayload(Name, payload)).toBeUndefined();
        }
      }),
      { numRuns: 60 },
    );
  });
});
