import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasLegacyTables, hasNfTables } from '../../inventory/kernel-parts.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kernel-parts-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe('asking about nf_tables', () => {
  it('loads no module: it is not done where the kernel could load one and has not', () => {
    write('/proc/modules', 'nf_tables_set 1 0 - Live 0x0\nxt_mark 1 0 - Live 0x0\n');
    write(`/lib/modules/${release()}/modules.builtin`, 'kernel/net/netfilter/nf_conntrack.ko\n');
    expect(hasNfTables(root)).toBe(false);
  });

  it('is not done where nothing tells whether it is built in, which is another answer than that it is not', () => {
    write('/proc/modules', 'xt_mark 1 0 - Live 0x0\n');
    expect(hasNfTables(root)).toBeUndefined();
  });

  it.each([
    ['is loaded', '/proc/modules', 'nf_tables 245760 0 - Live 0x0\n'],
    ['is built in', `/usr/lib/modules/${release()}/modules.builtin`, 'net/nf_tables.ko\n'],
    ['cannot be loaded any more', '/proc/sys/kernel/modules_disabled', '1\n'],
  ])('is done where it %s', (_, path, text) => {
    write('/proc/modules', 'xt_mark 1 0 - Live 0x0\n');
    write(path, text);
    expect(hasNfTables(root)).toBe(true);
  });

  it('is done where the kernel has no modules', () => {
    expect(hasNfTables(root)).toBe(true);
  });
});

describe('asking about the legacy tables', () => {
  it('is done for each family where its tables are there', () => {
    write('/proc/net/ip_tables_names', 'filter\n');
    expect(hasLegacyTables('ip', root)).toBe(true);
    expect(hasLegacyTables('ip6', root)).toBe(false);
  });
});
