/** The container that a process runs in, as its control groups tell. */
export interface Container {
  /** The runtime's own: 64 hexadecimal digits, or the name of a container that has one instead. */
  readonly id: string;
  /** Absent where the groups do not tell which it is. */
  readonly runtime?: Runtime;
  /** Of Kubernetes the uid of the pod, of Podman its id. */
  readonly podId?: string;
}

type Runtime =
  'docker' | 'containerd' | 'cri-o' | 'podman' | 'kubernetes' | 'lxc' | 'systemd-nspawn';

/** The members of `ExtraDetails` that tell it: none for a process in none (null), a caveat where it is not known. */
export function containerDetails(container: Container | null | undefined): {
  ContainerId?: string;
  ContainerRuntime?: string;
  PodId?: string;
  ContainerKnown?: string;
} {
  if (container === undefined) return { ContainerKnown: 'false' };
  if (container === null) return {};
  const { id, podId, runtime } = container;
  return {
    ContainerId: id,
    ...(runtime !== undefined && { ContainerRuntime: runtime }),
    ...(podId !== undefined && { PodId: podId }),
  };
}

/** What stands before the id in the name of a group, as runc's systemd driver and CRI-O write it. */
const runtimeByPrefix: Readonly<Record<string, Runtime>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  nerdctl: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  'libpod-payload': 'podman',
};

/** Bounds what is looked at: the kernel writes a line for each hierarchy, and has no longer paths and names. */
const mostLines = 32;
/** A container has its group near the root. */
const mostLevels = 32;
const longestPath = 4096;
const longestGroupName = 255;
/** Characters of a name that are told. */
const longestName = 128;

/**
 * The container of a process by its `/proc/PID/cgroup` (cgroups(7)); undefined for one that is in none. Of containers in
 * one another it is the outermost: whoever runs in it may name the groups below as they like.
 */
export function containerOf(cgroups: string): Container | undefined {
  for (const line of cgroups.split('\n', mostLines)) {
    const [, hierarchy = '', path = ''] = /^(\d{1,9}):[^:]*:(\/.*)$/.exec(line) ?? [];
    if (path.length < 2 || path.length > longestPath) continue;
    const found = containerOfPath(
      path.replace(/ \(deleted\)$/, '').split('/', mostLevels),
      hierarchy === '0',
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function containerOfPath(names: readonly string[], unified: boolean): Container | undefined {
  let podId: string | undefined;
  for (const [index, name] of names.entries()) {
    if (name.length > longestGroupName) continue;
    const [before = '', next = ''] = [names[index - 1], names[index + 1]];
    const inPod = podId !== undefined;
    const found =
      byId(name, before, inPod) ?? lxc(name, before, next) ?? nspawn(name, next, unified);
    if (found !== undefined) return podId === undefined ? found : { ...found, podId };
    podId ??= podOf(name);
  }
  return undefined;
}

/**
 * `docker-ID.scope` of the systemd driver, `libpod-ID` and `crio-ID` of the cgroupfs driver, `SLICE:cri-containerd:ID`
 * where one is asked in the form of the other, and the bare id: below `docker` of Docker, below a pod of whatever the
 * node runs. What only watches over a container (`libpod-conmon-ID.scope`) is not in it.
 */
function byId(name: string, before: string, inPod: boolean): Container | undefined {
  const [, , prefix, id] =
    /^((?:.*:)?([a-z-]{1,32})[-:])?([0-9a-f]{64})(?:\.scope)?$/.exec(name) ?? [];
  if (id === undefined) return undefined;
  if (prefix === undefined) {
    if (inPod) return { id, runtime: 'kubernetes' };
    return before === 'docker' ? { id, runtime: 'docker' } : { id };
  }
  if (prefix.endsWith('conmon')) return undefined;
  const runtime = Object.hasOwn(runtimeByPrefix, prefix) ? runtimeByPrefix[prefix] : undefined;
  return { id, ...(runtime !== undefined && { runtime }) };
}

/** `pod` and a uid: of a pod from the API server a UUID, of one from a file of the node 32 digits. */
function podOf(name: string): string | undefined {
  const kubernetes =
    /(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/.exec(
      name,
    )?.[1];
  // In the name of a slice `-` leads to its parent, so `_` stands for it.
  if (kubernetes !== undefined) return kubernetes.replaceAll('_', '-');
  return /libpod_pod_([0-9a-f]{64})(?:\.slice)?$/.exec(name)?.[1];
}

/** `lxc.payload.NAME` since LXC 4, `lxc.payload/NAME`, and `lxc/NAME` before. */
function lxc(name: string, before: string, next: string): Container | undefined {
  const named = /^lxc\.payload\.(.+)$/.exec(name)?.[1];
  const below = (name === 'lxc' && before === '') || name === 'lxc.payload' ? next : '';
  const id = plainName(named ?? below);
  return id === '' ? undefined : { id, runtime: 'lxc' };
}

/**
 * `machine-NAME.scope` and `systemd-nspawn@NAME.service`, which in the unified hierarchy hold a group of the machine and
 * one of nspawn itself. Machines of others, virtual ones too, have such a scope without.
 */
function nspawn(name: string, next: string, unified: boolean): Container | undefined {
  const [, machine, unit] =
    /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/.exec(name) ?? [];
  const escaped = machine ?? unit;
  if (escaped === undefined || next === 'supervisor') return undefined;
  if (next !== 'payload' && (unified || /^(?:qemu|lxc)\\x2d/.test(escaped))) return undefined;
  const id = plainName(
    escaped.replace(/\\x([0-9a-f]{2})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    ),
  );
  return id === '' ? undefined : { id, runtime: 'systemd-nspawn' };
}

/** A name that people give, of which only what can be printed is told, and not too much. */
function plainName(name: string): string {
  return name.slice(0, longestName).replace(/[^!-~]/g, '?');
}
