import { posix } from 'node:path';
import { type AuditEvent, auditTypes } from './event.js';
import { isFileCall } from './file-calls.js';
import {
  decimal,
  fieldsOfCall,
  parseFields,
  plainText,
  untrustedBytes,
  untrustedPath,
} from './record.js';
import { abiOf } from './syscalls.js';

/** A call that can have changed a file, or opened one for writing. */
export interface FileCallEvent {
  readonly timeMs: number;
  readonly serial: number;
  readonly pid: number;
  readonly parentPid: number | undefined;
  /** Real user id. */
  readonly uid: number | undefined;
  /** User id of the login. */
  readonly loginUid: number | undefined;
  readonly executable: string | undefined;
  /** The command line as the process shows it, cut by the kernel after 128 bytes. */
  readonly title: readonly string[];
  readonly files: readonly TouchedFile[];
}

/** A file that the call names. */
export interface TouchedFile {
  /** `MAJOR:MINOR:INODE`, decimal. */
  readonly inode: string | undefined;
  /** As the process named it, relative to its directory where that is what counts; undefined when it cannot be told. */
  readonly path: string | undefined;
  /** The last part of its name. */
  readonly name: string | undefined;
  /** The call made it, or put it there. */
  readonly isNew: boolean;
  /** Inodes of the directories of the call, in one of which it is. */
  readonly directories: readonly string[];
}

interface Item {
  readonly inode: string | undefined;
  readonly name: string | undefined;
  /** PARENT, CREATE, DELETE or NORMAL (`audit_log_name` in kernel/auditsc.c). */
  readonly kind: string | undefined;
}

/** Undefined for every other event; to be asked of each event of the stream, so that most cost one look at a text. */
export function readFileCall({ records, serial, timeMs }: AuditEvent): FileCallEvent | undefined {
  const call = records.find(({ type }) => type === auditTypes.syscall);
  if (call === undefined || !isOfFile(call.body)) return undefined;
  const items = records
    .filter(({ type }) => type === auditTypes.path)
    .map(({ body }) => pathItem(body));
  const fields = fieldsOfCall(call);
  const pid = decimal(fields.get('pid'));
  if (items.length === 0 || pid === undefined || fields.get('success') !== 'yes') return undefined;
  const cwd = records.find(({ type }) => type === auditTypes.cwd);
  const directory = cwd && untrustedPath(parseFields(cwd.body).get('cwd'));
  const title = records.find(({ type }) => type === auditTypes.proctitle);
  const directories = items.filter(({ kind }) => kind === 'PARENT').map(({ inode }) => inode);
  return {
    timeMs,
    serial,
    pid,
    parentPid: decimal(fields.get('ppid')),
    uid: decimal(fields.get('uid')),
    loginUid: decimal(fields.get('auid')),
    executable: untrustedPath(fields.get('exe')),
    title: title === undefined ? [] : titleOf(title.body),
    files: items
      .filter(({ kind }) => kind !== 'PARENT')
      .map(({ inode, kind, name }) => ({
        inode,
        isNew: kind === 'CREATE',
        path: name === undefined ? undefined : resolved(name, directory),
        name: name === undefined ? undefined : posix.basename(name),
        directories: directories.filter((known) => known !== undefined),
      })),
  };
}

/** The kernel writes `arch=` and `syscall=` first. */
function isOfFile(body: string): boolean {
  const [, arch, call] = /^arch=([0-9a-f]{1,8}) syscall=(\d{1,10})/u.exec(body) ?? [];
  if (arch === undefined || call === undefined) return false;
  const abi = abiOf(arch, Number(call));
  return abi !== undefined && isFileCall(abi, Number(call));
}

/** `dev=` is MAJOR:MINOR in hexadecimal (`audit_log_name` in kernel/auditsc.c). */
function pathItem(body: string): Item {
  const fields = parseFields(body);
  const inode = /^\d{1,20}$/u.exec(fields.get('inode') ?? '')?.[0];
  const device = /^([0-9a-f]{1,8}):([0-9a-f]{1,8})$/u.exec(fields.get('dev') ?? '');
  const [, major = '', minor = ''] = device ?? [];
  return {
    inode:
      inode === undefined || device === null
        ? undefined
        : `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}:${inode}`,
    name: untrustedPath(fields.get('name')),
    kind: plainText(fields.get('nametype')),
  };
}

/** A relative name may be relative to another directory (openat): whoever uses it looks at the inodes as well. */
function resolved(name: string, directory: string | undefined): string | undefined {
  if (name.startsWith('/')) return posix.normalize(name);
  return directory?.startsWith('/') === true ? posix.join(directory, name) : undefined;
}

function titleOf(body: string): readonly string[] {
  const bytes = untrustedBytes(/proctitle=(\S+|"[^"]*")/u.exec(body)?.[1]);
  return bytes === undefined ? [] : bytes.toString('utf8').replace(/\0+$/u, '').split('\0');
}
