import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPayload } from '../../contract/payload-check.js';

const process = {
  Executable: '/bin/ls',
  ProcessId: 7,
  ParentProcessId: 1,
  UserId: '0',
  CommandLine: 'ls',
};
const port = { Protocol: 'tcp6', LocalPort: '22', LocalAddress: '::1' };

describe('a payload is checked before it is journaled', () => {
  it('passes what is declared', () => {
    expect(checkPayload('ProcessCreate', process)).toBeUndefined();
    expect(checkPayload('ListeningPorts', port)).toBeUndefined();
    const details = { ...process, UserName: 'root', ExtraDetails: { Hash: '' } };
    expect(checkPayload('ProcessCreate', details)).toBeUndefined();
  });

  it.each([
    ['a missing field', 'ProcessCreate', { ...process, UserId: undefined }, 'UserId is missing'],
    ['a wrong kind', 'ProcessCreate', { ...process, UserId: 0 }, 'UserId is not a string'],
    ['a fraction', 'ProcessCreate', { ...process, ProcessId: 1.5 }, 'ProcessId is not an integer'],
    ['NaN', 'ProcessCreate', { ...process, ProcessId: NaN }, 'ProcessId is not an integer'],
    ['an unknown field', 'ProcessCreate', { ...process, Hash: '' }, 'not declared'],
    ['a value off the list', 'ListeningPorts', { ...port, Protocol: 'sctp' }, 'is none of tcp'],
    ['no address', 'ListeningPorts', { ...port, LocalAddress: '1.2.3' }, 'not an IPv4 or IPv6'],
    ['a zone', 'ListeningPorts', { ...port, LocalAddress: 'fe80::1%lo' }, 'not an IPv4 or IPv6'],
    ['a number among details', 'ListeningPorts', { ...port, ExtraDetails: { Pid: 1 } }, 'strings'],
    ['a list of details', 'ListeningPorts', { ...port, ExtraDetails: ['x'] }, 'strings'],
    ['an unknown event', 'toString', process, 'no event of this name'],
    ['no object', 'ProcessCreate', [process], 'not an object'],
  ])('names %s', (_, name, payload, sentence) => {
    expect(checkPayload(name, payload)).toContain(sentence);
  });

  it('does not take an inherited field for a present one', () => {
    expect(checkPayload('ProcessCreate', Object.create(process))).toContain('missing');
  });

  it('never throws and never repeats a value', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('ProcessCreate', 'ListeningPorts'),
        fc.anything(),
        (name, any) => {
          checkPayload(name, any);
        },
      ),
    );
    const fault = checkPayload('ListeningPorts', { ...port, LocalAddress: 'hunter2' });
    expect(fault).not.toContain('hunter2');
  });
});
