import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const sshPort = 22_022;
const password = 'right-password';

/**
 * A real sshd on loopback, with accounts of its own. It runs in a mount namespace with its own /etc, /run and /var/log,
 * so that nothing on the host changes; kernel audit sees it, because audit knows no mount namespaces.
 */
export class LoginSandbox {
  private constructor(
    readonly directory: string,
    readonly sshd: string,
  ) {}

  /** Where wtmp and btmp of the sandbox are. */
  get logRoot(): string {
    return join(this.directory, 'log');
  }

  static create(): LoginSandbox {
    const directory = mkdtempSync(join(tmpdir(), 'login-sandbox-'));
    mkdirSync(join(directory, 'log'));
    for (const file of ['wtmp', 'btmp', 'lastlog'])
      writeFileSync(join(directory, 'log', file), '', { mode: 0o600 });
    return new LoginSandbox(
      directory,
      existsSync('/usr/sbin/sshd') ? '/usr/sbin/sshd' : unpack(directory),
    );
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Where the journal of the sandbox is, from the first `run` on. */
  get journalDirectory(): string {
    return join(this.logRoot, 'journal');
  }

  /** Runs a shell script with sshd up; `ssh_password WORD USER@HOST …`, `ssh_key USER@HOST …` and `as_bert …` are there. */
  async run(script: string): Promise<string> {
    const file = join(this.directory, 'script.sh');
    // A refused login is an exit code, too.
    writeFileSync(file, `${this.prologue()}\n${script}\nexit 0\n`);
    const { stdout } = await run('unshare', ['--mount', 'bash', file], { timeout: 50_000 });
    return stdout;
  }

  private prologue(): string {
    return `
set -u
mount --make-rprivate /
rm -rf ${this.directory}/etc
cp -a /etc ${this.directory}/etc
cd ${this.directory}/etc
grep -q ^sshd: passwd || echo 'sshd:x:104:65534::/run/sshd:/usr/sbin/nologin' >> passwd
hash=$(openssl passwd -6 ${password})
for user in anna:2001 bert:2002; do
  echo "\${user%:*}:x:\${user#*:}:\${user#*:}::/tmp:/bin/sh" >> passwd
  echo "\${user%:*}:x:\${user#*:}:" >> group
  echo "\${user%:*}:$hash:19000:0:99999:7:::" >> shadow
done
printf '@include common-auth\\n@include common-account\\nsession required pam_loginuid.so\\n@include common-session\\n' > pam.d/sshd
cd /
mount --bind ${this.directory}/etc /etc
mount --bind ${this.logRoot} /var/log
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/keys
touch /run/utmp
mkdir -p /run/devices /run/systemd/journal /var/log/journal
mount -t tmpfs tmpfs /run/devices
for device in null zero full random urandom tty kmsg; do
  touch /run/devices/$device
  mount --bind /dev/$device /run/devices/$device
done
mkdir /run/devices/pts /run/devices/shm
mount --rbind /dev/pts /run/devices/pts
ln -s pts/ptmx /run/devices/ptmx
ln -s /proc/self/fd /run/devices/fd
mount --move /run/devices /dev
printf '[Journal]\nReadKMsg=no\nStorage=persistent\n' > /etc/systemd/journald.conf
rm -rf /etc/systemd/journald.conf.d
# Without it journald keeps to /run, as it does until the disk is there; and it shall leave kernel audit alone.
touch /run/systemd/journal/flushed
setpriv --bounding-set=-audit_control,-audit_read /lib/systemd/systemd-journald 2> /run/journald.log &
journald=$!
for try in $(seq 50); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
ln -s /run/systemd/journal/dev-log /dev/log
ssh-keygen -q -t ed25519 -N '' -f /run/hostkey
ssh-keygen -q -t ed25519 -N '' -f /run/clientkey
cp /run/clientkey.pub /run/keys/anna
cat > /run/sshd_config <<EOF
ListenAddress 127.0.0.1
ListenAddress ::1
Port ${sshPort}
HostKey /run/hostkey
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
AuthorizedKeysFile /run/keys/%u
StrictModes no
PidFile none
EOF
${this.sshd} -f /run/sshd_config -D &
sshd=$!
trap 'kill $sshd $journald; wait' EXIT
for try in $(seq 50); do ss -ltn 2> /dev/null | grep -q :${sshPort} && break; (: < /dev/tcp/127.0.0.1/${sshPort}) 2> /dev/null && break; sleep 0.1; done
printf '#!/bin/sh\\necho "$WORD"\\n' > /run/askpass
chmod 755 /run/askpass
options="-F /dev/null -p ${sshPort} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
ssh_password() {
  word=$1; shift
  WORD=$word SSH_ASKPASS=/run/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0 \\
    ssh $options -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 "$@" < /dev/null
}
ssh_key() { ssh $options -i /run/clientkey "$@" < /dev/null; }
as_bert() { setpriv --reuid 2002 --regid 2002 --clear-groups "$@"; }`;
  }
}

/** Where sshd is not installed, the one of the distribution is unpacked, not installed. */
function unpack(directory: string): string {
  execFileSync('apt-get', ['download', '-q', 'openssh-server'], { cwd: directory, stdio: 'pipe' });
  const archive = readdirSync(directory).find((name) => name.endsWith('.deb'));
  if (archive === undefined)
    throw new Error('openssh-server could not be had from the distribution.');
  execFileSync('dpkg', ['-x', archive, 'root'], { cwd: directory, stdio: 'pipe' });
  return join(directory, 'root/usr/sbin/sshd');
}
