import { lstat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { bootChecks } from '../../../collectors/os-baseline/checks/boot.js';
import { evaluate } from '../../../collectors/os-baseline/checks/check.js';
import { filePermissionChecks } from '../../../collectors/os-baseline/checks/file-permissions.js';
import { kernelHardeningChecks } from '../../../collectors/os-baseline/checks/kernel-hardening.js';
import { kernelModuleChecks } from '../../../collectors/os-baseline/checks/kernel-modules.js';
import { kernelParameterChecks } from '../../../collectors/os-baseline/checks/kernel-parameters.js';
import { mountOptionChecks } from '../../../collectors/os-baseline/checks/mount-options.js';
import { networkParameterChecks } from '../../../collectors/os-baseline/checks/network-parameters.js';
import { securityModuleChecks } from '../../../collectors/os-baseline/checks/security-modules.js';
import { readFacts } from '../../../collectors/os-baseline/facts/fact-book.js';
import type { StatFile } from '../../../collectors/os-baseline/facts/host-files.js';
import { type CapturedSystem, capturedRoot } from '../../support/captured-roots.js';
import { factContext } from './fact-context.js';

const checks = [
  ...mountOptionChecks,
  ...bootChecks,
  ...kernelHardeningChecks,
  ...securityModuleChecks,
  ...kernelModuleChecks,
  ...kernelParameterChecks,
  ...networkParameterChecks,
  ...filePermissionChecks,
];

/** The files of a checkout belong to whoever made it; those of the systems belong to root. */
const ofRoot: StatFile = async (path) => {
  const { mode, size } = await lstat(path);
  return { mode, size, uid: 0, gid: 0 };
};

async function resultsOn(system: CapturedSystem) {
  const context = await factContext(capturedRoot(system), ofRoot);
  const book = await readFacts(
    checks.flatMap(({ needs }) => needs),
    context,
  );
  const results = checks.map((check) => [check.id, evaluate(check, book)] as const);
  return {
    failed: Object.fromEntries(
      results.flatMap(([id, verdict]) => ('found' in verdict ? [[id, verdict.found]] : [])),
    ),
    passed: results.flatMap(([id, { result }]) => (result === 'pass' ? [id] : [])),
    errors: results.flatMap(([id, { result }]) => (result === 'error' ? [id] : [])),
  };
}

const shm = 'mounted with rw,nosuid,nodev';
const kernelOfDebian = {
  'kernel-not-weakened': 'mitigations=off',
  'kernel-modules-trusted': 'any module can be loaded',
  'kernel-lockdown': 'lockdown is none',
  'module-usb-storage': 'it is loaded',
  'parameter-kernel-pointers-hidden': 'kernel.kptr_restrict = 0',
  'parameter-ptrace-restricted': 'kernel.yama.ptrace_scope = 0',
  'parameter-kexec-disabled': 'kernel.kexec_load_disabled = 0',
  'parameter-user-namespaces': 'kernel.unprivileged_userns_clone = 1',
  'parameter-panic': 'kernel.panic = 0',
  'parameter-send-redirects-all': 'net.ipv4.conf.all.send_redirects = 1',
  'parameter-send-redirects-default': 'net.ipv4.conf.default.send_redirects = 1',
  'parameter-source-route-default': 'net.ipv4.conf.default.accept_source_route = 1',
  'parameter-redirects-all': 'net.ipv4.conf.all.accept_redirects = 1',
  'parameter-redirects-default': 'net.ipv4.conf.default.accept_redirects = 1',
  'parameter-redirects-v6': 'net.ipv6.conf.all.accept_redirects = 1',
  'parameter-redirects-v6-default': 'net.ipv6.conf.default.accept_redirects = 1',
  'parameter-secure-redirects': 'net.ipv4.conf.all.secure_redirects = 1',
  'parameter-secure-redirects-default': 'net.ipv4.conf.default.secure_redirects = 1',
  'parameter-martians-logged': 'net.ipv4.conf.all.log_martians = 0',
  'parameter-martians-logged-default': 'net.ipv4.conf.default.log_martians = 0',
  'parameter-reverse-path-all': 'net.ipv4.conf.all.rp_filter = 0',
  'parameter-reverse-path-default': 'net.ipv4.conf.default.rp_filter = 0',
  'parameter-router-advertisements': 'net.ipv6.conf.all.accept_ra = 1',
  'parameter-router-advertisements-default': 'net.ipv6.conf.default.accept_ra = 1',
};
const debian = {
  ...kernelOfDebian,
  'mount-dev-shm-noexec': shm,
  'root-read-only': 'ext4 mounted rw',
  'boot-verified-root': 'ext4 without dm-verity',
  'file-etc-crontab': 'mode 0644',
};
const passesOfDebian = [
  'mount-dev-shm-nodev',
  'mount-dev-shm-nosuid',
  'boot-no-shell',
  'mandatory-access-control',
  'parameter-aslr',
  'parameter-kernel-log-restricted',
  'parameter-unprivileged-bpf',
  'parameter-core-dumps-set-uid',
  'parameter-protected-symlinks',
  'parameter-protected-hardlinks',
  'parameter-low-memory-protected',
  'parameter-perf-restricted',
  'parameter-magic-keys',
  'parameter-ip-forward',
  'parameter-ip-forward-v6',
  'parameter-source-route-all',
  'parameter-source-route-v6',
  'parameter-broadcast-echo',
  'parameter-bogus-icmp',
  'parameter-syn-cookies',
  'file-etc-passwd',
  'file-etc-shadow',
  'file-etc-group',
  'file-etc-gshadow',
  'file-etc-fstab',
  'file-etc-sudoers',
];

/** Without a module in /proc/modules and an index of modules, none can be loaded. */
const noModules = [
  'kernel-modules-trusted',
  'module-vfat',
  ...kernelModuleChecks.map(({ id }) => id),
];

/** By hand, from the files of the roots; what stands in neither list does not apply. */
const expected: Readonly<
  Record<CapturedSystem, { failed: Readonly<Record<string, string>>; passed: readonly string[] }>
> = {
  'debian-11': {
    failed: { ...debian, 'mount-tmp': '/tmp is a directory of the root file system' },
    passed: [...passesOfDebian, 'parameter-protected-fifos', 'parameter-protected-regular'],
  },
  'debian-12': {
    failed: { ...debian, 'mount-tmp': '/tmp is a directory of the root file system' },
    passed: [...passesOfDebian, 'parameter-protected-fifos', 'parameter-protected-regular'],
  },
  'debian-13': {
    failed: {
      ...debian,
      'mount-tmp-noexec': shm,
      'parameter-protected-fifos': 'fs.protected_fifos = 0',
      'parameter-protected-regular': 'fs.protected_regular = 0',
    },
    passed: [...passesOfDebian, 'mount-tmp', 'mount-tmp-nodev', 'mount-tmp-nosuid'],
  },
  busybox: {
    failed: {
      'mount-tmp-nodev': 'mounted with rw,relatime',
      'mount-tmp-nosuid': 'mounted with rw,relatime',
      'mount-tmp-noexec': 'mounted with rw,relatime',
      'mount-dev-shm-nodev': 'mounted with rw,relatime',
      'mount-dev-shm-nosuid': 'mounted with rw,relatime',
      'mount-dev-shm-noexec': 'mounted with rw,relatime',
      'root-read-only': 'ext4 mounted rw',
      'boot-verified-root': 'ext4 without dm-verity',
      'parameter-kernel-pointers-hidden': 'kernel.kptr_restrict = 0',
      'parameter-kernel-log-restricted': 'kernel.dmesg_restrict = 0',
      'parameter-reverse-path-all': 'net.ipv4.conf.all.rp_filter = 0',
      'parameter-reverse-path-default': 'net.ipv4.conf.default.rp_filter = 0',
    },
    passed: [
      ...noModules,
      'mount-tmp',
      'boot-no-shell',
      'kernel-not-weakened',
      'parameter-aslr',
      'parameter-ip-forward',
      'parameter-syn-cookies',
      'file-etc-passwd',
      'file-etc-shadow',
      'file-etc-group',
      'file-etc-fstab',
    ],
  },
  container: {
    failed: {
      // The modules that are loaded are the host's; what else it has cannot be seen.
      'kernel-modules-trusted': 'any module can be loaded',
      'mount-tmp': '/tmp is a directory of the root file system',
      'root-read-only': 'overlay mounted rw',
      'boot-verified-root': 'overlay without dm-verity',
      'parameter-kernel-pointers-hidden': 'kernel.kptr_restrict = 0',
      'parameter-ip-forward': 'net.ipv4.ip_forward = 1',
    },
    passed: [
      'mount-dev-shm-nodev',
      'mount-dev-shm-nosuid',
      'mount-dev-shm-noexec',
      'boot-no-shell',
      'kernel-not-weakened',
      'parameter-aslr',
      'parameter-kernel-log-restricted',
      'parameter-syn-cookies',
      'file-etc-passwd',
      'file-etc-shadow',
      'file-etc-group',
      'file-etc-gshadow',
    ],
  },
  'yocto-read-only': {
    failed: {
      'mount-tmp-noexec': shm,
      'mount-dev-shm-noexec': shm,
    },
    passed: [
      ...noModules,
      'mount-tmp',
      'mount-tmp-nodev',
      'mount-tmp-nosuid',
      'mount-dev-shm-nodev',
      'mount-dev-shm-nosuid',
      'root-read-only',
      'boot-no-shell',
      'boot-verified-root',
      'kernel-not-weakened',
      'parameter-aslr',
      'parameter-kernel-pointers-hidden',
      'parameter-kernel-log-restricted',
      'parameter-ip-forward',
      'parameter-reverse-path-all',
      'parameter-reverse-path-default',
      'parameter-syn-cookies',
      'file-etc-passwd',
      'file-etc-shadow',
      'file-etc-group',
      'file-etc-fstab',
    ],
  },
};

it.each(Object.entries(expected))(
  'the baseline of %s is what a person reads there',
  async (name, want) => {
    const { failed, passed, errors } = await resultsOn(name as CapturedSystem);
    expect(failed).toEqual(want.failed);
    expect([...passed].sort()).toEqual([...want.passed].sort());
    expect(errors).toEqual([]);
  },
);
