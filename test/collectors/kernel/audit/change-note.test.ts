import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileNote } from '../../../../collectors/kernel/audit/change-note.js';
import { StatusChanges } from '../../../../collectors/kernel/audit/changes.js';
import type { AuditStatus } from '../../../../collectors/kernel/audit/status.js';

let directory: string;
let path: string;
let problems: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'note-'));
  path = join(directory, 'audit-changes.json');
  problems = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const note = (bootId = 'this-boot') =>
  fileNote(path, bootId, (sentence) => problems.push(sentence));

/** A kernel that remembers what was set, and when the note was there. */
function kernel(status: Partial<AuditStatus>) {
  const noted: boolean[] = [];
  const control = {
    set: (name: string, value: number) => {
      noted.push(existsSync(path));
      Object.assign(status, { [name]: value });
      return Promise.resolve();
    },
  };
  const changes = (bootId?: string) => new StatusChanges(control as never, note(bootId));
  return { status: status as AuditStatus, changes, noted };
}

describe('the note', () => {
  it.each(['', '.new'])('is read and written whatever stands in its place%s', (suffix) => {
    for (const hinder of [
      () => execFileSync('mkfifo', [`${path}${suffix}`]),
      () => mkdirSync(join(`${path}${suffix}`, 'in the way'), { recursive: true }),
      () => symlinkSync('/dev/zero', `${path}${suffix}`),
      () => writeFileSync(`${path}${suffix}`, Buffer.alloc(3_000_000, 0x7b)),
    ]) {
      hinder();
      expect(note().read()).toEqual(new Map());
      note().write(new Map([['enabled', { before: 0, ours: 1 }]]));
      expect(problems).toEqual([]);
      expect(note().read()).toEqual(new Map([['enabled', { before: 0, ours: 1 }]]));
      note().write(new Map());
      expect(existsSync(path)).toBe(false);
    }
  });
});

describe('changes of the audit status', () => {
  it('are noted before they are made, for their owner only', async () => {
    const { changes, noted } = kernel({ enabled: 0 });
    await changes().set('enabled', 0, 1);
    expect(noted).toEqual([true]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('of a run that was killed are taken back by the next one, and then the note is gone', async () => {
    const { status, changes } = kernel({ enabled: 0, backlogLimit: 64 });
    const killed = changes();
    await killed.set('enabled', 0, 1);
    await killed.set('backlogLimit', 64, 8192);
    const next = changes();
    // The next run finds 1 and 8192, and would take them for the original values.
    await next.set('backlogLimit', 8192, 16_384);
    await next.takeBack('enabled', status);
    await next.takeBack('backlogLimit', status);
    expect(status).toEqual({ enabled: 0, backlogLimit: 64 });
    expect(existsSync(path)).toBe(false);
  });

  it('of an earlier boot are not taken back: the boot has done so', async () => {
    const { status, changes } = kernel({ enabled: 0 });
    await changes('earlier').set('enabled', 0, 1);
    await changes('this-boot').takeBack('enabled', status);
    expect(status).toEqual({ enabled: 1 });
  });

  it('that cannot be noted are made all the same, and the operator is told', async () => {
    rmSync(directory, { recursive: true });
    const { status, changes } = kernel({ enabled: 0 });
    await changes().set('enabled', 0, 1);
    expect(status).toEqual({ enabled: 1 });
    expect(problems.join()).toContain(path);
  });

  it('are not read from a note that holds anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        writeFileSync(path, text);
        expect([...note().read().values()].every(({ before }) => Number.isInteger(before))).toBe(
          true,
        );
      }),
    );
    writeFileSync(path, '{"bootId":"this-boot","changes":{"enabled":{"before":-1,"ours":1}}}');
    expect(note().read().size).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('enabled');
  });
});
