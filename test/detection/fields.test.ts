import { describe, expect, it } from 'vitest';
import { events } from '../../contract/events.js';
import type { Origin } from '../../detection/fields/declaration.js';
import { sigmaEventsOf } from '../../detection/fields/project.js';
import { sources } from '../../detection/fields/table.js';
import { reasonsOf, ruleOf, setOf } from '../support/sigma.js';

describe('the table of fields', () => {
  it('names fields and details that the contract has', () => {
    for (const { event, fields } of sources) {
      if (event === undefined) continue;
      const declared = events[event];
      const details = [
        ...('details' in declared ? Object.keys(declared.details) : []),
        ...('caveats' in declared ? Object.keys(declared.caveats) : []),
      ];
      const exists = (origin: Origin): boolean =>
        'raw' in origin ||
        ('field' in origin
          ? Object.hasOwn(declared.fields, origin.field)
          : details.includes(origin.detail));
      for (const [name, known] of Object.entries(fields)) {
        if ('missing' in known) continue;
        const origins = [...known.from, ...Object.values(known.by?.from ?? {}).flat()];
        expect([name, origins.filter((origin) => !exists(origin))]).toEqual([name, []]);
      }
    }
  });
});

describe('an event of ours', () => {
  it('is what rules ask for: a started program, and its audit records', () => {
    const observed = sigmaEventsOf(
      {
        event: 'ProcessCreate',
        payload: {
          Executable: '/usr/bin/dash',
          ProcessId: 12,
          UserId: '0',
          UserName: 'root',
          CommandLine: 'sh -c ***',
          ExtraDetails: { ParentExecutable: '/usr/sbin/cron', ParentCommandLine: 'cron', Hash: '' },
        },
        raw: { arguments: ['sh', '-c', 'id'], executedPath: '/bin/sh' },
      },
      7,
    );
    expect(observed.map(({ logsource: { category, service } }) => category ?? service)).toEqual([
      'process_creation',
      'auditd',
      'auditd',
    ]);
    expect(observed[0]?.fields).toEqual({
      Image: ['/usr/bin/dash', '/bin/sh'],
      CommandLine: 'sh -c id',
      ParentImage: '/usr/sbin/cron',
      ParentCommandLine: 'cron',
      User: 'root',
      LogonId: '0',
      ProcessId: 12,
    });
    expect(observed[1]?.fields).toEqual({ type: 'EXECVE', a0: 'sh', a1: '-c', a2: 'id' });
    expect(observed[0]?.timeMs).toBe(7);
  });

  it('has its sides by who began', () => {
    const connection = (Direction: string) =>
      sigmaEventsOf(
        {
          event: 'ConnectionCreate',
          payload: {
            Protocol: 'tcp6',
            Direction,
            LocalAddress: '10.0.0.1',
            LocalPort: '40000',
            RemoteAddress: '1.2.3.4',
            RemotePort: '22',
            Executable: '/usr/bin/ssh',
          },
        },
        0,
      )[0]?.fields;
    expect(connection('Out')).toMatchObject({
      Initiated: 'true',
      Protocol: 'tcp',
      SourceIp: '10.0.0.1',
      DestinationIp: '1.2.3.4',
      DestinationPort: '22',
    });
    expect(connection('In')).toMatchObject({
      Initiated: 'false',
      SourceIp: '1.2.3.4',
      DestinationIp: '10.0.0.1',
      DestinationPort: '40000',
    });
  });

  it('is a file event when a file was written, and an audit record of its path', () => {
    const changed = (Change: string) =>
      sigmaEventsOf(
        { event: 'FileChange', payload: { Path: '/etc/cron.d/x', Change, Executable: '/bin/sh' } },
        0,
      ).map(({ fields, logsource: { category, service } }) => [category ?? service, fields]);
    expect(changed('Created')).toEqual([
      ['file_event', { TargetFilename: '/etc/cron.d/x', Image: '/bin/sh' }],
      ['auditd', { type: 'PATH', name: '/etc/cron.d/x', nametype: 'CREATE' }],
    ]);
    expect(changed('Mode').map(([of]) => of)).toEqual(['file_change', 'auditd']);
    expect(changed('Several')).toEqual([]);
  });

  it('that Sigma has no category for has one of ours', () => {
    const [login] = sigmaEventsOf(
      {
        event: 'Login',
        payload: { Executable: '/usr/sbin/sshd', Result: 'Fail', UserName: 'eve' },
      },
      0,
    );
    expect(login).toMatchObject({
      logsource: { category: 'login', service: 'iot-security-agent' },
      fields: { Result: 'Fail', UserName: 'eve' },
    });
  });
});

describe('a rule', () => {
  const needs = (logsource: string, field: string): readonly string[] | undefined => {
    const text = `title: x\nlogsource: ${logsource}\ndetection: {s: {'${field}': x}, condition: s}`;
    expect(reasonsOf(text)).toEqual([]);
    return setOf(text).rules[0]?.needs;
  };
  it.each([
    ['{category: process_creation, product: linux}', 'CommandLine|contains', []],
    ['{product: linux}', 'CommandLine', []],
    ['{product: linux, service: auditd}', 'a12', []],
    ['{product: linux, service: auditd}', 'name', []],
    ['{product: linux, service: auditd}', 'unit', ['audit records of services']],
    ['{category: file_event, product: linux}', 'TargetFilename', []],
    ['{product: linux, service: sshd}', '|contains', ['the texts of the journal']],
    ['{category: process_creation}', 'Unheard', ['the field Unheard']],
    [
      '{category: process_creation, product: windows}',
      'Image',
      ['events of category "process_creation", product "windows"'],
    ],
  ])('about %s that asks for %s needs %o', (logsource, field, missing) => {
    expect(needs(logsource, field)).toEqual(missing);
  });

  it('that needs something is loaded', () => {
    expect(setOf(ruleOf('s: {Unheard: x}\ncondition: s')).rules).toHaveLength(1);
  });
});
