import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import esbuild from 'esbuild';
import { writeInto } from './container.js';
import { cached, rootFileSystem } from './root-file-system.js';

const run = promisify(execFile);

export type Suite = 'bookworm' | 'trixie';

const packages = [
  ...['systemd', 'systemd-sysv', 'libpam-systemd', 'dbus', 'udev', 'kmod', 'procps', 'iproute2'],
  ...['ca-certificates', 'libstdc++6', 'auditd', 'openssh-server', 'openssh-client', 'curl'],
  ...['python3-minimal', 'libcap2-bin'],
];

/** The kernel for virtual machines has all that is needed built in; only its image is kept. */
const kernelPackage = `
cd "$1/boot" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
apt-get download "$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \\(linux-image-[0-9].*\\)/\\1/p')" &&
dpkg -x *.deb unpacked && mv unpacked/boot/vmlinuz-* vmlinuz && rm -r unpacked *.deb`;

/** What makes a boot slow and tests nothing; and auditd, which a test starts itself. */
const masked = [
  ...['getty@tty1.service', 'serial-getty@ttyS0.service', 'e2scrub_reap.service', 'ssh.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'fstrim.timer'],
  ...['e2scrub_all.timer', 'ldconfig.service'],
].map((unit) => `/etc/systemd/system/${unit}`);

const driverUnit = `
[Unit]
Description=Carries out what the test asks for
DefaultDependencies=no
After=basic.target
[Service]
ExecStart=/bin/sh -c 'stty -F /dev/ttyS1 raw -echo && exec /opt/test/node /opt/test/guest.cjs'
Environment=HOME=/root
[Install]
WantedBy=multi-user.target
`;

/** The kernel of a suite and its root file system, which lives in memory: no disk, no driver for one. */
export interface Image {
  readonly kernel: string;
  readonly archive: string;
}

export async function image(suite: Suite): Promise<Image> {
  const tar = await rootFileSystem({ suite, packages, customize: [kernelPackage] });
  const kernel = await cached(['kernel', tar], '', async (file) => {
    const directory = mkdtempSync(join(tmpdir(), 'agent-kernel-'));
    await run('tar', ['-xf', tar, '-C', directory, './boot/vmlinuz']);
    copyFileSync(join(directory, 'boot', 'vmlinuz'), file);
    rmSync(directory, { recursive: true });
  });
  const settings = `${driverUnit}${masked.join()}2`;
  const archive = await cached(['image', tar, settings], '.cpio', async (file) => {
    const root = mkdtempSync(join(tmpdir(), 'agent-image-'));
    try {
      await run('tar', ['-xf', tar, '-C', root, '--exclude=./dev/*', '--exclude=./boot/vmlinuz']);
      writeInto(root, '/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n');
      writeInto(root, '/etc/fstab', '');
      writeInto(root, '/etc/machine-id', '');
      writeInto(root, '/etc/systemd/system/test.service', driverUnit);
      const links = masked.map((path) => `ln -sf /dev/null '${root}${path}'`);
      const wants = `${root}/etc/systemd/system/multi-user.target.wants`;
      await shell(
        `${links.join(' && ')} && rm -f ${wants}/auditd.service && ln -sf ../test.service ${wants}/ && cd ${root} && chmod 755 . && find . | cpio -o -H newc --quiet > ${file}`,
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  });
  return { kernel, archive };
}

/** The archive of an image with more files (from the host, by their path inside) behind it. */
export async function withFiles(
  base: string,
  files: Readonly<Record<string, string>>,
  target: string,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'agent-files-'));
  try {
    for (const [inside, file] of Object.entries(files)) {
      mkdirSync(dirname(join(root, inside)), { recursive: true });
      copyFileSync(file, join(root, inside));
      if (inside === '/opt/test/node') chmodSync(join(root, inside), 0o755);
    }
    await shell(
      `cd ${root} && chmod -R go+rX . && { cat ${base}; find . | cpio -o -H newc --quiet; } > ${target}`,
    );
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The program that runs inside, as one file. */
export async function bundleGuest(file: string): Promise<void> {
  await esbuild.build({
    entryPoints: [join(import.meta.dirname, 'guest.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
  });
}

async function shell(script: string): Promise<void> {
  await run('/bin/sh', ['-c', script], { maxBuffer: 16 * 1024 * 1024 });
}
