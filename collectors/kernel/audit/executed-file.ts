import { BoundedMap } from '../../../base/bounded-map.js';
import type { FileIdentity } from '../files/executable-hash.js';
import { type AuditEvent, auditTypes } from './event.js';
import { parseFields, untrustedText } from './record.js';

interface PathItem extends FileIdentity {
  readonly name: string | undefined;
}

/**
 * The file that became the program, of those that the PATH records of an execution name: the program itself and its
 * loader, or a script, its interpreter and the loader of that. Empty where it cannot be told which one it is.
 *
 * Only the one is believed, because whoever has a mount namespace of his own chooses all of them: a harmless script that
 * he has interpreted by a program of his, which there lies at the path of the script, must not lend it its hash. A program
 * has no more than two files; with a third it is a script, whose first argument the kernel has set to its interpreter.
 */
export function executedFiles(
  { records }: Pick<AuditEvent, 'records'>,
  firstArgument: string | undefined,
): readonly FileIdentity[] {
  const items: PathItem[] = [];
  for (const { type, body } of records) {
    const item = type === auditTypes.path ? pathItem(body) : undefined;
    const isKnown = items.some((known) => isSame(known, item));
    // Some kernels tell the program twice, and the link that led to it.
    if (item !== undefined && !isKnown) items.push(item);
  }
  const [first, ...others] = items;
  if (first === undefined) return [];
  const interpreters = others.filter(({ name }) => name === firstArgument);
  if (others.length >= 2) return interpreters.length === 1 ? interpreters : [];
  // A program with its loader, or a script with an interpreter that needs none: arguments of a program can say anything.
  return interpreters.length === 0 ? [first] : [];
}

function isSame(one: PathItem, other: PathItem | undefined): boolean {
  return one.inode === other?.inode && one.device === other.device;
}

/** The record of a file is the same text each time it is executed; so many are remembered. */
const mostKnown = 256;
const longestKnown = 1024;
const remembered = new BoundedMap<string, PathItem | null>(mostKnown);

function pathItem(body: string): PathItem | undefined {
  const found = remembered.get(body);
  if (found !== undefined) return found ?? undefined;
  const item = readPathItem(body);
  if (body.length <= longestKnown) remembered.set(body, item ?? null);
  return item;
}

/** `dev=` is MAJOR:MINOR in hexadecimal, `mode=` octal (`audit_log_name` in kernel/auditsc.c); undefined for a link. */
function readPathItem(body: string): PathItem | undefined {
  const fields = parseFields(body);
  const inode = /^\d{1,20}$/u.exec(fields.get('inode') ?? '')?.[0];
  const numbers = /^([0-9a-f]{1,8}):([0-9a-f]{1,8})$/u.exec(fields.get('dev') ?? '');
  const isLink = /^0?12\d{4}$/u.test(fields.get('mode') ?? '');
  if (inode === undefined || numbers === null || isLink) return undefined;
  const [, major = '', minor = ''] = numbers;
  const device = deviceNumber(Number.parseInt(major, 16), Number.parseInt(minor, 16));
  return { inode: BigInt(inode), device, name: untrustedText(fields.get('name')) };
}

/** makedev(3): how stat(2) packs the two numbers. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xffff_f000n) << 32n) |
    ((high & 0xfffn) << 8n) |
    ((low & 0xffff_ff00n) << 12n) |
    (low & 0xffn)
  );
}
