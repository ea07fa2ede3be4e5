import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { history } from '../../../agent/commands/history.js';
import { History } from '../../../agent/history/history.js';
import { isKept } from '../../../agent/history/kept.js';
import { securityEvent } from '../../../agent/pipeline/event.js';
import { systemFiles } from '../../../agent/spool/files.js';
import { Spool } from '../../../agent/spool/spool.js';
import type { EventName } from '../../../contract/events.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryFiles } from '../../support/memory-files.js';

const noon = Date.UTC(2030, 0, 1, 12);
const minuteMs = 60_000;

const event = (name: EventName, minute: number, ...payloads: readonly object[]): string =>
  JSON.stringify(
    securityEvent({
      name,
      payloads,
      timeMs: noon + minute * minuteMs,
    }),
  );
const login = (minute: number, user: string): string =>
  event('Login', minute, { UserName: user, Operation: 'login', Result: 'Success' });
const diagnostic = (severity: string): string =>
  event('Diagnostic', 0, { Severity: severity, Message: 'One sentence.' });

describe('what is kept', () => {
  it.each([
    ['a login', login(0, 'anna'), true],
    ['a diagnostic that warns', diagnostic('Warning'), true],
    ['a diagnostic that only tells', diagnostic('Information'), false],
    ['a program', event('ProcessCreate', 0, { CommandLine: 'ls "Name":"Login"' }), false],
    ['an alert', event('ProcessCreate', 0, { ExtraDetails: { AlertType: 'X' } }), true],
    ['what only names an alert', event('ProcessCreate', 0, { CommandLine: '"AlertType"' }), false],
    ['a look that found nothing', event('Login', 0), false],
    ['what is no event', '{"Name":"Diagnostic","Payload":7', false],
  ])('%s: as its declaration says', (_, json, kept) => {
    expect(isKept(json)).toBe(kept);
  });
});

describe('the files', () => {
  it('are not touched while nothing is to be kept', async () => {
    const files = new MemoryFiles();
    const clock = new FakeClock();
    const options = { directory: '/h', limitBytes: 65_536, clock, files, lose: () => undefined };
    const kept = new History(options);
    await kept.start();
    files.calls.clear();
    await kept.keep([event('ProcessCreate', 0, {})], 'sent');
    expect([...files.calls]).toEqual([]);
    await kept.keep([login(0, 'anna'), login(1, 'berta')], 'sent');
    expect(files.calls.get('write')).toBe(1);
  });

  it('are gone after a start that is to keep nothing', async () => {
    const files = new MemoryFiles();
    const clock = new FakeClock();
    const options = { directory: '/h', clock, files, lose: () => undefined };
    await new History({ ...options, limitBytes: 65_536 }).keep([login(0, 'anna')], 'sent');
    expect(files.segments()).toHaveLength(1);
    const off = new History({ ...options, limitBytes: 0 });
    await off.start();
    await off.keep([login(1, 'anna')], 'sent');
    expect(files.segments()).toEqual([]);
  });

  it('say what the disk does not take, and go on when it does', async () => {
    const files = new MemoryFiles();
    const problems: (string | undefined)[] = [];
    let lost = 0;
    const kept = new History({
      directory: '/h',
      limitBytes: 65_536,
      clock: new FakeClock(),
      files,
      lose: (_, count) => (lost += count),
      onProblem: (problem) => problems.push(problem),
    });
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
    await kept.keep([login(0, 'anna'), login(1, 'berta')], 'sent');
    expect([lost, kept.problem]).toEqual([2, 'ENOSPC: /h/kept-000000000000001.journal']);
    files.fault = () => undefined;
    await kept.keep([login(2, 'anna')], 'sent');
    expect(problems).toEqual([expect.stringContaining('ENOSPC'), undefined]);
    expect(kept.stats()).toMatchObject({ events: 1 });
  });
});

describe('iot-security-agent history', () => {
  let stateDirectory = '';
  let said: string[] = [];
  beforeEach(() => {
    stateDirectory = mkdtempSync(join(tmpdir(), 'history-'));
    said = [];
  });
  afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

  const clock = new FakeClock();
  const tell = async (changes: Partial<Parameters<typeof history>[0]> = {}) => {
    let output = '';
    const code = await history({
      stateDirectory,
      names: [],
      json: false,
      nowMs: noon + 60 * minuteMs,
      write: (text) => (output += text),
      warn: (sentence) => said.push(sentence),
      ...changes,
    });
    return { code, lines: output.split('\n').slice(0, -1) };
  };
  const open = () => {
    const kept = new History({
      directory: join(stateDirectory, 'history'),
      limitBytes: 65_536,
      clock,
      lose: () => undefined,
    });
    const spool = Spool.open({
      directory: join(stateDirectory, 'spool'),
      limitBytes: 1_000_000,
      clock,
      files: systemFiles,
      lose: () => undefined,
    });
    return spool.then((opened) => ({ kept, spool: opened }));
  };

  it('tells each once, beside the agent that writes, the oldest first, with what became of it', async () => {
    const { kept, spool } = await open();
    const both = login(3, 'sent-and-not-forgotten');
    const grouped = event(
      'Login',
      2,
      { UserName: 'late', ExtraDetails: { TimestampUTC: '2030-01-01T12:09:00.000Z' } },
      { UserName: 'early', ExtraDetails: { TimestampUTC: '2030-01-01T12:02:00.000Z' } },
    );
    await kept.keep([grouped, login(1, 'first'), both], 'sent');
    await kept.keep([login(5, 'dropped')], 'neverSent');
    await spool.append('low', login(0, 'acknowledged'));
    await spool.acknowledge('low', 1);
    await spool.append('low', both);
    await spool.append('low', event('ProcessCreate', 6, { CommandLine: 'not of these' }));
    await spool.append('high', login(7, 'waiting\n2030 forged'));
    const { code, lines } = await tell();
    expect(code).toBe(0);
    const form = /T(12:\S+) +Login +(sent|never sent|waiting) +(\S+)/;
    expect(lines.map((line) => form.exec(line)?.slice(1).join(' '))).toEqual([
      '12:01:00.000Z sent first',
      '12:02:00.000Z sent early',
      '12:03:00.000Z sent sent-and-not-forgotten',
      '12:05:00.000Z never sent dropped',
      '12:07:00.000Z waiting waiting\\u{a}2030',
      '12:09:00.000Z sent late',
    ]);
    expect((await tell({ json: true })).lines).toContain(grouped);
    // Of the spool nothing was changed, and the agent goes on.
    expect(spool.stats()).toMatchObject({ high: { events: 1 }, low: { events: 2 } });
    await kept.keep([login(8, 'later')], 'sent');
    await spool.close();
    expect((await tell()).lines).toHaveLength(7);
  });

  it('tells what is asked for: a time, some names', async () => {
    const { kept, spool } = await open();
    const alert = event('ProcessCreate', 20, { ExtraDetails: { AlertType: 'Web shell' } });
    await kept.keep([login(10, 'anna'), alert, login(40, 'berta')], 'sent');
    await spool.close();
    const users = async (changes: object): Promise<string[]> =>
      (await tell(changes)).lines.map((line) => /anna|berta|ALERT Web shell/.exec(line)?.[0] ?? '');
    expect(await users({ since: 'PT45M' })).toEqual(['ALERT Web shell', 'berta']);
    expect(await users({ until: '2030-01-01T12:20:00Z' })).toEqual(['anna', 'ALERT Web shell']);
    expect(await users({ names: ['Login'], since: '2030-01-01' })).toEqual(['anna', 'berta']);
    expect((await tell({ since: 'PT45M', json: true })).lines).toHaveLength(2);
    expect(await users({ since: 'PT1M' })).toEqual([]);
    expect(said.at(-1)).toContain('Nothing of that is kept');
    await expect(tell({ since: 'yesterday' })).rejects.toThrow(/PT2H, P1D/);
    await expect(tell({ names: ['Logins'] })).rejects.toThrow(/no event "Logins"/);
  });

  it('reads what no other user may read, and says so where nothing is there', async () => {
    expect(await tell()).toEqual({ code: 0, lines: [] });
    const { kept, spool } = await open();
    await kept.keep([login(0, 'anna')], 'sent');
    await spool.close();
    const directory = join(stateDirectory, 'history');
    const [name = ''] = readdirSync(directory);
    const modes = [directory, join(directory, name)].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600]);
  });
});
