import { type AuditEvent, auditTypes } from './event.js';
import { type FileCall, fileCallNumber } from './file-calls.js';
import {
  decimal,
  fieldsOfCall,
  parseFields,
  plainText,
  untrustedBytes,
  untrustedPath,
} from './record.js';
import type { CallRule } from './source.js';
import { abiOf } from './syscalls.js';

/** A call that gave a file the set-uid or the set-gid bit, or made one with it. */
export interface ModeChange {
  readonly pid: number;
  readonly parentPid: number | undefined;
  /** Real user id. */
  readonly uid: number | undefined;
  readonly executable: string | undefined;
  /** As the process named it; undefined where it named a descriptor, and where the records do not say. */
  readonly name: string | undefined;
  /** What a relative name is relative to: the directory of the process, or one of its descriptors. */
  readonly base: { readonly directory: string } | { readonly descriptor: number } | undefined;
  /** The descriptor of the file, where it is known by that alone. */
  readonly descriptor: number | undefined;
  readonly inode: number | undefined;
  /** The command line as the process shows it, cut by the kernel after 128 bytes. */
  readonly title: readonly string[];
}

/** Calls by the place of the mode among their arguments. Opening a file names a mode, too, but a rule on it costs each one. */
const callsByArgument: readonly {
  readonly argument: 1 | 2;
  readonly syscalls: readonly FileCall[];
}[] = [
  { argument: 1, syscalls: ['chmod', 'fchmod', 'creat', 'mknod'] },
  { argument: 2, syscalls: ['fchmodat', 'fchmodat2', 'mknodat'] },
];
const setIds = 0o6000;
const currentDirectory = 0xffff_ff9c;

/** What the kernel shall record, so that every such call is seen. */
export const modeRules: readonly CallRule[] = callsByArgument.map(({ argument, syscalls }) => ({
  syscalls,
  argumentBits: { argument, bits: setIds },
  outcome: 'success',
}));

/** Undefined for every other event; to be asked of each event of the stream, so that most cost one look at a text. */
export function readModeChange({ records }: AuditEvent): ModeChange | undefined {
  const call = records.find(({ type }) => type === auditTypes.syscall);
  if (call === undefined) return undefined;
  const argument = modeArgument(call.body);
  if (argument === undefined) return undefined;
  const fields = fieldsOfCall(call);
  const mode = hexadecimal(fields.get(`a${argument}`));
  const pid = decimal(fields.get('pid'));
  if (mode === undefined || (mode & setIds) === 0) return undefined;
  if (pid === undefined || fields.get('success') !== 'yes') return undefined;
  const items = records
    .filter(({ type }) => type === auditTypes.path)
    .map(({ body }) => parseFields(body))
    .filter((item) => plainText(item.get('nametype')) !== 'PARENT');
  const item = items.at(-1);
  const name = untrustedPath(item?.get('name'));
  const first = hexadecimal(fields.get('a0'));
  const title = records.find(({ type }) => type === auditTypes.proctitle);
  return {
    pid,
    parentPid: decimal(fields.get('ppid')),
    uid: decimal(fields.get('uid')),
    executable: untrustedPath(fields.get('exe')),
    name,
    base: name?.startsWith('/') === false ? baseOf(records, argument, first) : undefined,
    descriptor: name === undefined && argument === 1 ? first : undefined,
    inode: decimal(item?.get('inode')),
    title: title === undefined ? [] : titleOf(title.body),
  };
}

/** The kernel writes `arch=` and `syscall=` first. */
function modeArgument(body: string): 1 | 2 | undefined {
  const [, arch, call] = /^arch=([0-9a-f]{1,8}) syscall=(\d{1,10}) /u.exec(body) ?? [];
  const abi = abiOf(arch, Number(call));
  if (abi === undefined) return undefined;
  return callsByArgument.find(({ syscalls }) =>
    syscalls.some((name) => fileCallNumber(abi, name) === Number(call)),
  )?.argument;
}

function baseOf(
  records: AuditEvent['records'],
  argument: 1 | 2,
  first: number | undefined,
): ModeChange['base'] {
  if (argument === 2 && first !== undefined && first !== currentDirectory)
    return { descriptor: first };
  const record = records.find(({ type }) => type === auditTypes.cwd);
  const directory = record && untrustedPath(parseFields(record.body).get('cwd'));
  return directory?.startsWith('/') === true ? { directory } : undefined;
}

/** Arguments are told as the kernel has them; those that are looked at are of 32 bits. */
function hexadecimal(raw: string | undefined): number | undefined {
  return raw !== undefined && /^[0-9a-f]{1,16}$/u.test(raw)
    ? Number.parseInt(raw.slice(-8), 16)
    : undefined;
}

function titleOf(body: string): readonly string[] {
  const bytes = untrustedBytes(/proctitle=("[^"]*"|\S+)/u.exec(body)?.[1]);
  return bytes === undefined ? [] : bytes.toString('utf8').replace(/\0+$/u, '').split('\0');
}
