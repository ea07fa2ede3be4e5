import type { RunningProcess } from '../facts/processes.js';
import {
  check,
  type Check,
  error,
  fail,
  failIf,
  listed,
  notApplicable,
  pass,
  type Verdict,
} from './check.js';

interface DaemonSettings {
  readonly hosts: readonly string[];
  readonly tlsVerify: boolean;
  readonly userns: boolean;
  readonly insecureRegistries: number;
}

/** /etc/docker/daemon.json and the arguments of dockerd together; undefined where the file is no JSON object. */
export function daemonSettings(
  text: string | undefined,
  args: readonly string[],
): DaemonSettings | undefined {
  let file: unknown = {};
  try {
    if (text !== undefined && text.trim() !== '') file = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return undefined;
  const settings = file as Readonly<Record<string, unknown>>;
  const list = (name: string): readonly unknown[] =>
    Array.isArray(settings[name]) ? (settings[name] as readonly unknown[]) : [];
  const valuesOf = (...names: readonly string[]): string[] =>
    args.flatMap((arg, index) => {
      const name = names.find((one) => arg === one || arg.startsWith(`${one}=`));
      if (name === undefined) return [];
      return [arg === name ? (args[index + 1] ?? '') : arg.slice(name.length + 1)];
    });
  const written = list('hosts').filter((host) => typeof host === 'string');
  return {
    hosts: [...written, ...valuesOf('-H', '--host')],
    tlsVerify: settings.tlsverify === true || args.some((arg) => /^--tlsverify(=true)?$/.test(arg)),
    userns: Boolean(settings['userns-remap']) || valuesOf('--userns-remap').some(Boolean),
    insecureRegistries: list('insecure-registries').length + valuesOf('--insecure-registry').length,
  };
}

const daemonOf = (processes: readonly RunningProcess[]): RunningProcess | undefined =>
  processes.find(({ contained, name }) => name === 'dockerd' && contained === undefined);

const sockets = [
  ['docker', '/run/docker.sock', 'docker'],
  ['containerd', '/run/containerd/containerd.sock', 'containerd'],
  ['podman', '/run/podman/podman.sock', 'podman'],
] as const;

/** Judges the settings that dockerd has, where there is one. */
function judgeDaemon(
  file: string | undefined,
  processes: readonly RunningProcess[],
  judge: (settings: DaemonSettings) => Verdict,
): Verdict {
  const daemon = daemonOf(processes);
  if (file === undefined && daemon === undefined) return notApplicable('there is no dockerd');
  const settings = daemonSettings(file, daemon?.args ?? []);
  return settings === undefined
    ? error('/etc/docker/daemon.json is no JSON object')
    : judge(settings);
}

/** First processes of containers, as `name (pid)`. */
const named = ({ name, pid }: RunningProcess): string => `${name} (${pid})`;
const firsts = (processes: readonly RunningProcess[]) =>
  processes.filter(({ contained }) => contained?.first === true);
const noContainer = 'no container runs';

export const containerChecks: readonly Check[] = [
  ...sockets.map(([id, path, group]) =>
    check({
      id: `container-socket-${id}`,
      subject: 'services',
      title: `The socket of ${id} is for root and the group ${group} alone`,
      severity: 'Critical',
      expected: `${path} owned by root, mode 0660 or stricter, group root or ${group}`,
      remedy: `Run chown root:${group} ${path} and chmod 0660 ${path}: whoever may write there is root.`,
      needs: [`file:${path}`, '?groups'],
      judge(socket, groups = []) {
        const gids = [0, ...groups.filter(({ name }) => name === group).map(({ gid }) => gid)];
        const mode = socket.mode.toString(8).padStart(4, '0');
        return failIf(
          listed([
            ...(socket.uid === 0 ? [] : [`owned by user ${socket.uid}`]),
            ...((socket.mode & 0o006) === 0 ? [] : [`mode ${mode}`]),
            ...((socket.mode & 0o060) === 0 || gids.includes(socket.gid)
              ? []
              : [`group ${socket.gid}`]),
          ]),
        );
      },
    }),
  ),
  check({
    id: 'docker-group',
    subject: 'services',
    title: 'Nobody becomes root by the group docker',
    severity: 'Important',
    expected: 'the group docker has no members',
    remedy: 'Run gpasswd -d USER docker: a member starts containers that can write to every file.',
    needs: ['groups'],
    judge(groups) {
      const group = groups.find(({ name }) => name === 'docker');
      if (group === undefined) return notApplicable('there is no group docker');
      return failIf(listed(group.members));
    },
  }),
  check({
    id: 'docker-tls',
    subject: 'services',
    title: 'Dockerd takes no orders over the network without a certificate',
    severity: 'Critical',
    expected: 'no tcp:// among the hosts of dockerd, or tlsverify',
    remedy:
      'Take tcp:// out of daemon.json and of the command line of dockerd; use ssh, or tlsverify.',
    needs: ['?text:/etc/docker/daemon.json', 'processes'],
    judge(file, processes) {
      return judgeDaemon(file, processes, ({ hosts, tlsVerify }) =>
        failIf(!tlsVerify && listed(hosts.filter((host) => host.startsWith('tcp://')))),
      );
    },
  }),
  check({
    id: 'docker-user-namespaces',
    subject: 'services',
    title: 'Root in a container is not root of the device',
    severity: 'Informational',
    expected: 'userns-remap in /etc/docker/daemon.json',
    remedy:
      'Set "userns-remap": "default" in /etc/docker/daemon.json, where the containers allow it.',
    needs: ['?text:/etc/docker/daemon.json', 'processes'],
    judge(file, processes) {
      if (daemonOf(processes) === undefined) return notApplicable('no dockerd runs');
      return judgeDaemon(file, processes, ({ userns }) =>
        userns ? pass : fail('no userns-remap'),
      );
    },
  }),
  check({
    id: 'docker-registries',
    subject: 'updates',
    title: 'Images come from registries with a certificate alone',
    severity: 'Important',
    expected: 'no insecure registries in /etc/docker/daemon.json or for dockerd',
    remedy:
      'Take insecure-registries out of /etc/docker/daemon.json, and give the registry a certificate.',
    needs: ['?text:/etc/docker/daemon.json', 'processes'],
    judge(file, processes) {
      return judgeDaemon(file, processes, ({ insecureRegistries: count }) =>
        failIf(count > 0 && `${count} insecure registries`),
      );
    },
  }),
  check({
    id: 'containers-unprivileged',
    subject: 'services',
    title: 'No container runs with all rights of root',
    severity: 'Critical',
    expected:
      'no first process of a pid namespace has every capability and the users of the device',
    remedy: 'Start it without --privileged, with the capabilities and devices that it needs.',
    needs: ['processes'],
    judge(processes) {
      const some = firsts(processes);
      if (some.length === 0) return notApplicable(noContainer);
      const all = some.filter(({ contained }) => contained?.allCapabilities === true);
      const sure = all.filter(({ contained }) => contained?.ownUsers === false);
      if (sure.length > 0) return fail(listed(sure.map(named)));
      return all.some(({ contained }) => contained?.ownUsers === undefined)
        ? error(`the user namespace of ${listed(all.map(named))} cannot be seen`)
        : pass;
    },
  }),
  check({
    id: 'containers-own-network',
    subject: 'services',
    title: 'No container shares the network of the device',
    severity: 'Warning',
    expected: 'each first process of a pid namespace has a network namespace of its own',
    remedy: 'Start it without --network host, and publish the ports that it offers.',
    needs: ['processes'],
    judge(processes) {
      const some = firsts(processes);
      if (some.length === 0) return notApplicable(noContainer);
      const shared = some.filter(({ contained }) => contained?.hostNetwork === true);
      if (shared.length > 0) return fail(listed(shared.map(named)));
      const hidden = some.filter(({ contained }) => contained?.hostNetwork === undefined);
      return hidden.length > 0
        ? error(`the network namespace of ${listed(hidden.map(named))} cannot be seen`)
        : pass;
    },
  }),
];
