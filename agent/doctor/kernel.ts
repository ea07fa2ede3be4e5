import { accessSync, constants } from 'node:fs';
import { release } from 'node:os';
import { systemClock } from '../../base/clock.js';
import { isUnavailable } from '../../base/unavailable.js';
import type { Libc } from '../../collectors/kernel/libc.js';
import type { Paths } from '../../collectors/kernel/paths.js';
import { ProcConnector } from '../../collectors/kernel/processes/proc-connector.js';
import type { KernelReader } from '../../collectors/kernel/reader.js';
import { findInstances } from '../../collectors/kernel/trace/trace-setup.js';
import { note, ok, unknown, type Finding } from './finding.js';
import { readText } from './read-text.js';

/** What the kernel says of itself in its files. */
export function checkKernel(paths: Paths): readonly Finding[] {
  const name = readText(`${paths.procRoot}/sys/kernel/osrelease`)?.trim();
  return [
    name === undefined
      ? unknown('kernel', `${paths.procRoot}/sys/kernel/osrelease cannot be read`)
      : ok('kernel', `Linux ${name}`),
    btfFinding(paths),
    lockdownFinding(paths),
  ];
}

/** Documentation/bpf/btf.rst. */
function btfFinding({ sysRoot }: Paths): Finding {
  const path = `${sysRoot}/kernel/btf/vmlinux`;
  try {
    accessSync(path);
    return ok('btf', `the kernel describes its types (${path})`);
  } catch {
    return ok(
      'btf',
      `the kernel does not describe its types (no ${path}), which no collector needs`,
    );
  }
}

/** kernel_lockdown(7): the one in brackets is in force. */
function lockdownFinding({ sysRoot }: Paths): Finding {
  const path = `${sysRoot}/kernel/security/lockdown`;
  const text = readText(path);
  if (text === undefined) {
    return ok('lockdown', `the kernel is not locked down, or does not tell (no ${path})`);
  }
  const level = /\[(\w{1,32})\]/.exec(text)?.[1];
  if (level === undefined) return unknown('lockdown', `${path} holds something unknown`);
  if (level === 'none') return ok('lockdown', 'the kernel is not locked down');
  if (level !== 'confidentiality') {
    return ok('lockdown', `the kernel is locked down (${level}), which hinders no collector`);
  }
  return note(
    'lockdown',
    'the kernel is locked down (confidentiality), so that connections cannot be traced and only audit tells of them',
    'boot with lockdown=integrity if short connections without audit matter more',
  );
}

/** Whether the kernel tells of processes; listens for a moment, beside whoever listens already. */
export async function connectorFinding(libc: Libc, reader: KernelReader): Promise<Finding> {
  const connector = new ProcConnector({
    libc,
    reader,
    clock: systemClock,
    bootWallMs: () => 0,
    kernelRelease: release(),
  });
  const subscription = await connector.subscribe({
    isFresh: () => false,
    onEvent: () => undefined,
    lose: () => undefined,
    onFailed: () => undefined,
  });
  if (isUnavailable(subscription)) {
    return note(
      'proc-connector',
      `the proc connector cannot be used: ${subscription.unavailable}`,
      'until then ends of processes are not told',
    );
  }
  subscription.end();
  return ok('proc-connector', 'the proc connector tells of processes');
}

/** @param mountPoints where tracefs may be; the usual places unless a test says otherwise */
export function tracefsFinding(mountPoints?: readonly string[]): Finding {
  const found = findInstances(mountPoints);
  const asRoot = 'run doctor as root to know';
  if (isUnavailable(found)) {
    return found.closed
      ? unknown('tracefs', found.unavailable, asRoot)
      : note(
          'tracefs',
          found.unavailable,
          'until then connections that end within moments may be missed',
        );
  }
  return isWritable(found.path)
    ? ok('tracefs', `connections can be traced in ${found.path}`)
    : unknown('tracefs', `${found.path} is closed to user ${process.geteuid?.() ?? '?'}`, asRoot);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
