import { posix } from 'node:path';
import { BoundedMap } from '../../../base/bounded-map.js';
import type { Host } from '../../interface/host.js';
import type { FileCallEvent } from '../../kernel/audit/file-call.js';
import type { Doer, KnownProcess } from './touch.js';

/** What starts the sessions and services of a device: what is above them was not started together. */
const starters = new Set([
  ...['systemd', 'init', 'sshd', 'sshd-session', 'dropbear', 'login', 'cron', 'crond', 'anacron'],
  ...['atd', 'containerd-shim', 'containerd-shim-runc-v2', 'agetty', 'getty', 'busybox'],
]);
const installers = new Set([
  ...['apt', 'apt-get', 'aptitude', 'dpkg', 'unattended-upgrade', 'packagekitd', 'snapd', 'opkg'],
  ...['rpm', 'dnf', 'dnf5', 'microdnf', 'yum', 'zypper', 'apk', 'opkg-cl', 'swupdate', 'rauc'],
]);

const mostAbove = 12;
const rememberedMs = 2000;

/**
 * Who made a call: the process as audit recorded it, with its command line and the processes above it as the table of
 * processes has them. What was found is kept for two seconds, in which a process that executes another program is told
 * apart by its executable.
 */
export class Who {
  private readonly known = new BoundedMap<string, { readonly atMs: number; readonly doer: Doer }>(
    256,
  );

  constructor(private readonly host: Pick<Host, 'processes'>) {}

  of(call: FileCallEvent): Doer {
    const key = `${call.pid} ${call.uid} ${call.loginUid} ${call.executable ?? ''}`;
    const known = this.known.get(key);
    if (known !== undefined && Math.abs(call.timeMs - known.atMs) < rememberedMs) return known.doer;
    const doer = this.find(call);
    this.known.set(key, { atMs: call.timeMs, doer });
    return doer;
  }

  private find(call: FileCallEvent): Doer {
    const { executable, loginUid, parentPid, pid, serial, timeMs, title, uid } = call;
    const info = this.host.processes.of(pid, timeMs, { pid, serial });
    // The table may know the program before or after this one.
    const isSame = info?.executable === undefined || info.executable === executable;
    const known = isSame ? (info?.argv ?? []) : [];
    const argv = known.length > 0 ? known : title;
    const above: KnownProcess[] = [];
    let next = parentPid;
    while (next !== undefined && next > 1 && above.length < mostAbove) {
      const parent = this.host.processes.of(next, timeMs);
      const { executable: program } = parent ?? {};
      if (parent === undefined || program === undefined || starters.has(posix.basename(program)))
        break;
      above.push({ pid: next, executable: program, argv: parent.argv ?? [], uid: parent.realUid });
      next = parent.parentPid;
    }
    // Above what installs is whoever called it, which does other things as well.
    const top = above.findLastIndex(isInstaller);
    const process = { pid, executable, argv, uid };
    return {
      process,
      loginUid,
      above: top >= 0 ? above.slice(0, top + 1) : isInstaller(process) ? [] : above,
      installs: top >= 0 || isInstaller(process),
    };
  }
}

function isInstaller({ argv, executable }: KnownProcess): boolean {
  // Some are scripts.
  return [executable, argv[0], argv[1]].some(
    (name) => name !== undefined && installers.has(posix.basename(name)),
  );
}
