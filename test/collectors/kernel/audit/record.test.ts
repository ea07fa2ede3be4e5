import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decimal,
  parseFields,
  parseRecord,
  plainText,
  untrustedPath,
  untrustedText,
} from '../../../../collectors/kernel/audit/record.js';

describe('audit records', () => {
  it('tells serial and time of a record', () => {
    expect(parseRecord(1307, 'audit(1718000000.100:501): cwd="/"')).toEqual({
      type: 1307,
      id: '1718000000.100:501',
      serial: 501,
      timeMs: 1718000000100,
      body: 'cwd="/"',
    });
  });

  it.each(['', 'audit(', 'audit(1.2:3): x', 'audit(a.000:3): x', 'node=x audit(1.000:1): '])(
    'refuses %j',
    (text) => {
      expect(parseRecord(1300, text)).toBeUndefined();
    },
  );

  it('takes the words of a kernel that has no path for none', () => {
    expect(untrustedPath('"/bin/ls"')).toBe('/bin/ls');
    expect(untrustedPath('"<too_long>"')).toBeUndefined();
    expect(untrustedPath('"<no_memory>"')).toBeUndefined();
  });

  it('takes hexadecimal for text only when it is bare, in upper case and whole', () => {
    expect(untrustedText('"4142"')).toBe('4142');
    expect(untrustedText('4142')).toBe('AB');
    expect(untrustedText('414')).toBe('414');
    expect(untrustedText('4a4b')).toBe('4a4b');
    expect(untrustedText('FF41')).toBe('\ufffdA');
  });

  it('knows the ways of saying unset', () => {
    expect(untrustedText('(null)')).toBeUndefined();
    expect(plainText('?')).toBeUndefined();
    expect(plainText('(none)')).toBeUndefined();
    expect(decimal('4294967295')).toBeUndefined();
    expect(decimal('-1')).toBeUndefined();
    expect(decimal('1e3')).toBeUndefined();
    expect(decimal('-13')).toBe(-13);
  });

  it('adds the fields that user space nests, but lets it overwrite none of the kernel', () => {
    const fields = parseFields(
      `pid=812 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct="root" pid=1 exe="/usr/sbin/sshd" addr=10.0.0.9 terminal=ssh res=failed'`,
    );
    expect(fields.get('pid')).toBe('812');
    expect(untrustedText(fields.get('acct'))).toBe('root');
    expect(plainText(fields.get('addr'))).toBe('10.0.0.9');
    expect(fields.get('res')).toBe('failed');
  });

  it('skips the words of AVC records', () => {
    const fields = parseFields('avc:  denied  { read } for  pid=9124 comm="httpd" tclass=file');
    expect([...fields.keys()]).toEqual(['pid', 'comm', 'tclass']);
  });

  it('gives back what the kernel would have encoded', () => {
    const encode = (bytes: Buffer): string =>
      bytes.every((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x22)
        ? `"${bytes.toString()}"`
        : bytes.toString('hex').toUpperCase();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const fields = parseFields(`argc=1 a0=${encode(Buffer.from(text))} a1="x"`);
        expect(untrustedText(fields.get('a0'))).toBe(Buffer.from(text).toString());
        expect(fields.get('a1')).toBe('"x"');
      }),
    );
  });

  it('no text makes the parser throw', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseFields(text)));
  });
});
