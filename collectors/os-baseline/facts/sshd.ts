import { isUnavailable } from '../../../base/unavailable.js';
import type { FactContext, SubjectReader } from './fact-reader.js';
import { absent, found, type Reading } from './reading.js';
import { parseEffective, readWritten, type SshdSettings } from './sshd-config.js';

/** The settings of the OpenSSH server for a login that no `Match` block is about. */
export interface Sshd {
  /** By keyword in lower case. */
  readonly settings: ReadonlyMap<string, readonly string[]>;
  /** `program`: as the server itself says; `files`: what is written, and what OpenSSH 9 takes where nothing is. */
  readonly source: 'program' | 'files';
}

/** What OpenSSH 9 was compiled with, of what checks ask. The lists of algorithms are resolved from these, too. */
const compiledIn: Readonly<Record<string, string>> = {
  allowtcpforwarding: 'yes',
  clientalivecountmax: '3',
  clientaliveinterval: '0',
  gatewayports: 'no',
  hostbasedauthentication: 'no',
  ignorerhosts: 'yes',
  kbdinteractiveauthentication: 'yes',
  logingracetime: '120',
  loglevel: 'INFO',
  maxauthtries: '6',
  maxstartups: '10:30:100',
  passwordauthentication: 'yes',
  permitemptypasswords: 'no',
  permitrootlogin: 'prohibit-password',
  permittunnel: 'no',
  permituserenvironment: 'no',
  strictmodes: 'yes',
  x11forwarding: 'no',
  ciphers:
    'chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com',
  macs: 'umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1',
  kexalgorithms:
    'sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256',
};
const lists = ['ciphers', 'macs', 'kexalgorithms'];

/** A list as sshd_config(5) has it: `+` adds to the compiled-in one, `-` takes from it, `^` puts first. */
export function resolveList(written: string, compiled: string): string {
  const sign = written[0] ?? '';
  const named = written.slice(1).split(',');
  if (sign === '+') return [compiled, ...named].filter(Boolean).join(',');
  if (sign === '^') return [...named, compiled].join(',');
  if (sign !== '-') return written;
  const gone = (algorithm: string): boolean =>
    named.some((name) =>
      name.endsWith('*') ? algorithm.startsWith(name.slice(0, -1)) : name === algorithm,
    );
  return compiled
    .split(',')
    .filter((algorithm) => !gone(algorithm))
    .join(',');
}

/** What is written, and what the server takes where nothing is. */
export function withCompiledIn(written: SshdSettings): SshdSettings {
  const settings = new Map(Object.entries(compiledIn).map(([key, value]) => [key, [value]]));
  for (const [keyword, values] of written) settings.set(keyword, values);
  for (const list of lists)
    settings.set(list, [resolveList(written.get(list)?.[0] ?? '+', compiledIn[list] ?? '')]);
  return settings;
}

const programs = ['/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd', '/usr/lib/ssh/sshd'];
const configuration = '/etc/ssh/sshd_config';

/** Asked of the server itself where the inventory process can be; else read from its files. */
export const readSshd: SubjectReader<Sshd> = async (context) => {
  if (!(await isInstalled(context))) return absent('the device has no OpenSSH server');
  const said = await askServer(context);
  if (typeof said !== 'string') return found({ settings: said, source: 'program' });
  return readFiles(context, said);
};

async function isInstalled({ files }: FactContext): Promise<boolean> {
  for (const path of programs) if (!('absent' in (await files.state(path)))) return true;
  return false;
}

/** The settings, or why the server did not say them. */
async function askServer({ host, signal }: FactContext): Promise<SshdSettings | string> {
  const answer = await host.inventory.ask('sshd', signal);
  if (isUnavailable(answer)) return answer.unavailable.replace(/\.$/, '');
  const [program] = answer.programs;
  if (program?.outcome !== 'ended') return `sshd -T: ${program?.outcome ?? 'not run'}`;
  if (program.exitStatus !== 0) return `sshd -T ended with ${program.exitStatus}: ${program.error}`;
  const settings = parseEffective(program.stdout);
  return settings.has('permitrootlogin') ? settings : 'sshd -T said no settings';
}

async function readFiles({ files, limit }: FactContext, why: string): Promise<Reading<Sshd>> {
  const written = await readWritten(files, configuration);
  if (!('value' in written)) return written;
  const { settings, hasMatch } = written.value;
  limit(
    `The settings of sshd are those of its files, and those of OpenSSH 9 where nothing is written${hasMatch ? '; Match blocks are left aside' : ''}: ${why}.`,
  );
  return found({ settings: withCompiledIn(settings), source: 'files' });
}
