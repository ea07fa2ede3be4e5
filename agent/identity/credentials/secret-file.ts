import { constants, type Stats } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FileError, readBoundedFile } from '../../../base/bounded-file.js';
import { encodingFault, otherEncoding } from '../../../base/text-encoding.js';
import { CredentialError } from './credential-error.js';
import type { CredentialErrorKind } from './credential-error.js';

/** Keys, connection strings and lists of certificates are far smaller. */
const maxBytes = 65_536;
/** `SetCredential=` in the unit. */
const standIn = '-';

/** Who the agent runs as; taken from the process unless a test says otherwise. */
export interface ProcessIds {
  readonly uid: number;
  readonly gids: readonly number[];
}

/** How secrets may be had. */
export interface SecretAccess {
  /**
   * Where systemd handed credentials over (`LoadCredential=`, `$CREDENTIALS_DIRECTORY`): a file there stands for the
   * one of the same name that a setting names, which only root need be able to read. Where the agent can read that one,
   * too, and it was written later, it counts.
   */
  readonly credentialsDirectory?: string | undefined;
  readonly ids?: ProcessIds;
}

/** What the environment of the process says about how secrets may be had. */
export function secretAccess(environment: NodeJS.ProcessEnv): SecretAccess {
  return { credentialsDirectory: environment['CREDENTIALS_DIRECTORY'] };
}

/**
 * Reads a file that holds a secret, or what systemd handed over in its place. Refused when anybody but root and the agent's own user could read or change it; a
 * group may read it when root gave it to a group of the agent. The file that was opened is the one that is judged.
 * @param key the setting that names the file
 * @throws CredentialError
 */
export async function readSecretFile(
  path: string,
  key: string,
  access: SecretAccess = {},
): Promise<string> {
  return textOf(await readSecretBytes(path, key, access), path, key);
}

/**
 * Reads a file of any kind that may hold a secret, as `readSecretFile` does; where it holds none, others may read it.
 * @throws CredentialError
 */
export async function readSecretBytes(
  path: string,
  key: string,
  how: SecretAccess,
  holdsSecret: (bytes: Buffer) => boolean = () => true,
): Promise<Buffer> {
  const { credentialsDirectory, ids = ownIds() } = how;
  const handedOver = await readHandedOver(path, key, credentialsDirectory);
  if (handedOver !== undefined && !(await isNewer(path, handedOver.stats))) return handedOver.bytes;
  const { bytes, stats } = await readNamed(path, key, grantingCommand(path, ids));
  if (!holdsSecret(bytes)) {
    refuseWritable(path, key, stats);
    return bytes;
  }
  const command = mendingCommand(path, stats, ids);
  if (command !== undefined) {
    throw new CredentialError(
      'unsafe-mode',
      `${key}: ${path} has mode ${octal(stats)} and belongs to ${stats.uid}:${stats.gid}, so that others could read or change the secret in it; run: ${command}`,
    );
  }
  return bytes;
}

/** Its modes are systemd's affair. The unit sets a stand-in for a file that was not there. */
async function readHandedOver(
  path: string,
  key: string,
  directory: string | undefined,
): Promise<{ bytes: Buffer; stats: Stats } | undefined> {
  if (directory === undefined) return undefined;
  const copy = join(directory, basename(path));
  try {
    const file = await readBoundedFile(copy, maxBytes);
    return file.bytes.toString('latin1').trim() === standIn ? undefined : file;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.kind === 'missing') return undefined;
    throw new CredentialError(kindOf(error), `${key}: ${copy} ${error.message}`);
  }
}

/** Whether this user may read the file, and it was written after the copy was made: systemd copies at the start alone. */
async function isNewer(path: string, copy: Stats): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return (await stat(path)).mtimeMs > copy.mtimeMs;
  } catch {
    return false;
  }
}

/**
 * Reads a file that everybody may see but only root and the agent's own user may change.
 * @throws CredentialError
 */
export async function readTrustedFile(path: string, key: string): Promise<string> {
  const { bytes, stats } = await readNamed(path, key, `chmod a+r ${shellWord(path)}`);
  refuseWritable(path, key, stats);
  return textOf(bytes, path, key);
}

function refuseWritable(path: string, key: string, stats: Stats): void {
  if ((stats.mode & 0o022) === 0) return;
  throw new CredentialError(
    'unsafe-mode',
    `${key}: ${path} has mode ${octal(stats)}, so that others could change what is trusted; run: chmod go-w ${shellWord(path)}`,
  );
}

/**
 * What a file says in UTF-8; a text in another encoding is refused by its name.
 * @throws CredentialError
 */
export function textOf(bytes: Buffer, path: string, key: string): string {
  const encoding = otherEncoding(bytes);
  if (encoding === undefined) return bytes.toString('utf8');
  throw new CredentialError('malformed', `${key}: ${path} ${encodingFault(encoding)}`);
}

/** The command after which the file is safe; undefined when it is so already. */
export function mendingCommand(
  path: string,
  stats: Pick<Stats, 'mode' | 'uid' | 'gid'>,
  ids: ProcessIds,
): string | undefined {
  const word = shellWord(path);
  const ours = stats.uid === ids.uid;
  const ourGroup = ids.gids.includes(stats.gid);
  if (!ours && stats.uid !== 0) return `chown ${ids.uid} ${word} && chmod 600 ${word}`;
  const groupMayRead = stats.uid === 0 && ourGroup;
  const forbidden = groupMayRead ? 0o037 : 0o077;
  if ((stats.mode & forbidden) === 0) return undefined;
  if (ours) return `chmod 600 ${word}`;
  return ourGroup ? `chmod 640 ${word}` : grantingCommand(path, ids);
}

/** Makes a secret root's file, which the agent reads as a member of its group. */
function grantingCommand(path: string, ids: ProcessIds): string {
  const word = shellWord(path);
  return `chown root:${ids.gids[0] ?? ids.uid} ${word} && chmod 640 ${word}`;
}

/** @param granting the command that lets the agent read the file */
async function readNamed(
  path: string,
  key: string,
  granting: string,
): Promise<{ bytes: Buffer; stats: Stats }> {
  try {
    return await readBoundedFile(path, maxBytes);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const command = error.kind === 'forbidden' ? `; run: ${granting}` : '';
    throw new CredentialError(kindOf(error), `${key}: ${path} ${error.message}${command}`);
  }
}

function kindOf(error: FileError): CredentialErrorKind {
  switch (error.kind) {
    case 'missing':
      return 'missing';
    case 'forbidden':
    case 'unreadable':
      return 'unreadable';
    case 'too-large':
    case 'other-encoding':
      return 'malformed';
  }
}

function ownIds(): ProcessIds {
  const gid = process.getegid?.() ?? 0;
  const others = (process.getgroups?.() ?? []).filter((other) => other !== gid);
  return { uid: process.geteuid?.() ?? 0, gids: [gid, ...others] };
}

function octal(stats: Stats): string {
  return (stats.mode & 0o7777).toString(8).padStart(4, '0');
}

/** A path as one word of a POSIX shell, to be copied as it stands. */
export function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
