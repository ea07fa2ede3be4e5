import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startPrograms, until } from '../support/device/audit-support.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { writeI386Program } from '../support/device/i386-program.js';
import { payloadsOf, type Event } from '../support/running-agent.js';

let audited: AuditedAgent;

beforeEach(async () => {
  audited = new AuditedAgent();
  await audited.prepare();
});

afterEach(() => audited.close());

type ProcessPayload = Event['Payload'][number];

const told = (mark: string): readonly ProcessPayload[] =>
  payloadsOf(audited.fixture.hub.messages, 'ProcessCreate').filter(({ CommandLine }) =>
    String(CommandLine).includes(mark),
  );

/** Runs `exec` in bash, which passes on every byte but NUL. */
const bash = (script: string): Buffer => execFileSync('/bin/bash', ['-c', script]);

describe('the running agent', () => {
  it('sees a 32-bit program', async () => {
    const path = join(audited.fixture.directory, 'i386-program');
    writeI386Program(path);
    await audited.start();
    execFileSync(path, ['thirty-two-bits']);
    await until('the program', 10_000, () => told('thirty-two-bits').length > 0);
    expect(told('thirty-two-bits')).toMatchObject([
      { Executable: path, CommandLine: `${path} thirty-two-bits` },
    ]);
    expect(audited.problems).toEqual([]);
  });

  it.each([
    ['told one by one', false],
    ['counted together', true],
  ])(
    'cuts 1.5 MB of arguments, tells their length and SHA-256, and goes on, %s',
    async (_, aggregated) => {
      audited.set({ aggregationEnabledProcessCreate: aggregated });
      await audited.start();
      const argv = [
        '/bin/true',
        'very-long',
        ...Array.from({ length: 15 }, (_unused, index) => String(index).padEnd(100_000, 'long ')),
      ];
      execFileSync('/bin/true', argv.slice(1));
      await startPrograms('after-long', 20);
      await audited.arrived('after-long', 20);
      const whole = argv.join(' ');
      await until('the long one', 10_000, () => told('very-long').length > 0);
      const [payload] = told('very-long');
      expect(payload).toMatchObject({
        CommandLine: whole.slice(0, 8192),
        ExtraDetails: {
          CommandLineSizeBytes: String(whole.length),
          CommandLineSha256: createHash('sha256').update(whole).digest('hex'),
        },
      });
      expect(audited.problems).toEqual([]);
    },
  );

  it('cuts at the boundary of a character', async () => {
    await audited.start();
    execFileSync('/bin/true', ['euro-signs', '€'.repeat(30_000)]);
    await until('the program', 10_000, () => told('euro-signs').length > 0);
    const text = String(told('euro-signs')[0]?.['CommandLine']);
    expect(text).toMatch(/^\/bin\/true euro-signs €+$/);
    expect(Buffer.byteLength(text)).toBeGreaterThan(8192 - 3);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8192);
  });

  it.each([
    ['control characters', String.raw`$'\x01\x02\x1b[31m\x7f'`, '\u0001\u0002\u001b[31m\u007f'],
    ['line feeds', String.raw`$'one\ntwo\r\nthree'`, 'one\ntwo\r\nthree'],
    ['marks for right-to-left text', `$'\\u202eexe.\\u2066\\u200f'`, '\u202eexe.\u2066\u200f'],
    ['quotes and backslashes', String.raw`$'"\'\\ {}'`, '"\'\\ {}'],
    ['text that reads like JSON', `'{"a":1}' '","b":"'`, '{"a":1} ","b":"'],
    [
      'text that reads like a record',
      `'a1="x" key="iot-security-agent" msg=audit(1.2:3): '`,
      'a1="x" key="iot-security-agent" msg=audit(1.2:3): ',
    ],
    ['bytes that are no UTF-8', String.raw`$'\xff\xfe\xc3('`, '\ufffd\ufffd\ufffd('],
    ['no text at all', `'' '' end`, '  end'],
    ['the words for unset values', `'(null)' '?' 4294967295`, '(null) ? 4294967295'],
  ])('tells arguments with %s as they are', async (_, shellWords, text) => {
    await audited.start();
    bash(`LC_ALL=C.UTF-8 /bin/true odd-words ${shellWords}`);
    await startPrograms('after-odd', 3);
    await audited.arrived('after-odd', 3);
    await until('the program', 10_000, () => told('true odd-words').length > 0);
    expect(
      told('true odd-words')
        .filter(({ Executable }) => !String(Executable).includes('bash'))
        .map(({ CommandLine }) => CommandLine),
    ).toEqual([`/bin/true odd-words ${text}`]);
    expect(audited.problems).toEqual([]);
  });
});
