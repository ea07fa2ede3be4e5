import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  rmdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GrowingFile } from '../../../../collectors/kernel/files/growing-file.js';
import { parseUtmp, utmpLayouts } from '../../../../collectors/kernel/files/utmp.js';
import { loginObservation } from '../../../../collectors/login/payload.js';
import type { LoginFacts } from '../../../../collectors/login/sources/facts.js';
import { WtmpLogins } from '../../../../collectors/login/sources/wtmp.js';
import { checkPayload } from '../../../../contract/payload-check.js';

const x64 = utmpLayouts.compact;
const recordsOf = (name: string) => {
  const bytes = readFileSync(new URL(`../../cases/debian-12-logins/${name}`, import.meta.url));
  return Array.from({ length: bytes.length / x64.sizeBytes }, (_, index) =>
    parseUtmp(bytes.subarray(index * x64.sizeBytes), x64, 'LE'),
  ).filter((record) => record !== undefined);
};

describe('logins from wtmp and btmp', () => {
  it('Debian 12: logins with terminal and address, logouts with their user, failures', () => {
    const told: LoginFacts[] = [];
    const logins = new WtmpLogins({
      onLogin: (facts) => told.push(facts),
      executableOf: () => undefined,
    });
    for (const record of recordsOf('wtmp')) logins.take('wtmp', record);
    for (const record of recordsOf('btmp')) logins.take('btmp', record);
    const summary = told.map(
      ({ userName, remoteAddress, terminal, operation, succeeded }) =>
        `${userName ?? ''} ${remoteAddress ?? '-'} ${terminal ?? '-'} ${operation} ${succeeded}`,
    );
    expect(summary).toEqual([
      'anna 127.0.0.1 pts/0 login true',
      'anna 127.0.0.1 pts/0 logout true',
      'anna 127.0.0.1 pts/0 login true',
      'anna 127.0.0.1 pts/0 logout true',
      'anna 127.0.0.1 - login false',
      'bert 127.0.0.1 - login false',
      'anna 127.0.0.1 - login false',
      'anna 127.0.0.1 - login false',
      'nosuch 127.0.0.1 - login false',
      'nosuch 127.0.0.1 - login false',
    ]);
  });

  it('gives only valid payloads, whatever the files hold, and never throws', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 400, maxLength: 400 }), { maxLength: 10 }),
        fc.constantFrom<(keyof typeof utmpLayouts)[]>('compact', 'wide', 'packed'),
        fc.constantFrom<('LE' | 'BE')[]>('LE', 'BE'),
        (records, layout, byteOrder) => {
          const told: LoginFacts[] = [];
          const logins = new WtmpLogins({
            onLogin: (facts) => told.push(facts),
            executableOf: () => undefined,
          });
          for (const bytes of records) {
            const record = parseUtmp(Buffer.from(bytes), utmpLayouts[layout], byteOrder);
            if (record !== undefined) logins.take('btmp', record);
          }
          for (const facts of told) {
            expect(checkPayload('Login', loginObservation(facts).payload)).toBeUndefined();
          }
        },
      ),
    );
  });
});

describe('a file of records that grows', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'growing-'));
    path = join(directory, 'file');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const read = (file: GrowingFile) => {
    const seen: string[] = [];
    file.read((bytes) => seen.push(bytes.toString()));
    return seen;
  };

  it('is read from its end at the start, and each whole record once', () => {
    writeFileSync(path, 'old1old2');
    const file = new GrowingFile(path, 4);
    expect(file.open()).toBeUndefined();
    appendFileSync(path, 'new1ne');
    expect(read(file)).toEqual(['new1']);
    appendFileSync(path, 'w2');
    expect(read(file)).toEqual(['new2']);
    expect(read(file)).toEqual([]);
    file.close();
  });

  it('is read to its end when it was rotated, and then its successor from the start', () => {
    writeFileSync(path, 'old1');
    const file = new GrowingFile(path, 4);
    file.open();
    appendFileSync(path, 'last');
    renameSync(path, `${path}.1`);
    expect(read(file)).toEqual(['last']);
    writeFileSync(path, 'next');
    expect(read(file)).toEqual(['next']);
    file.close();
  });

  it('is read from its start when it was cut', () => {
    writeFileSync(path, 'old1old2');
    const file = new GrowingFile(path, 4);
    file.open();
    truncateSync(path);
    appendFileSync(path, 'new1');
    expect(read(file)).toEqual(['new1']);
    file.close();
  });

  it('is none when it is a directory, and says why it can be read no longer', () => {
    expect(new GrowingFile(directory, 4).open()).toBe('EISDIR');
    const file = new GrowingFile(path, 4);
    mkdirSync(path);
    expect(file.open()).toBe('EISDIR');
    expect(read(file)).toEqual([]);
    rmdirSync(path);
    writeFileSync(path, 'new1');
    expect(read(file)).toEqual(['new1']);
    file.close();
  });

  it('is read whole when it comes after the start', () => {
    const file = new GrowingFile(path, 4);
    expect(file.open()).toBe('ENOENT');
    writeFileSync(path, 'new1');
    expect(read(file)).toEqual(['new1']);
    file.close();
  });
});
