import { cutCommandLine } from './common-details.js';
import { type EventDeclaration, optional, required, varying } from './declaration.js';

const commandLineKnown = {
  CommandLineKnown: '`false`: the arguments could not be read, or not all of them.',
} as const;

/** Of a process in a container; one that is in none has none of them. */
const container = {
  details: {
    ContainerId:
      'Id of the container it is in, or its name where it has none, as its control groups tell.',
    ContainerRuntime:
      '`docker`, `containerd`, `cri-o`, `podman`, `lxc`, `systemd-nspawn`, or `kubernetes` where the groups tell only that; absent where they do not.',
    PodId: 'Uid of the pod of Kubernetes, or id of that of Podman.',
  },
  caveats: {
    ContainerKnown: '`false`: whether it is in a container, and in which, is not known.',
  },
  distinguishing: ['ContainerId'],
} as const;

/** What happens, told as it happens. */
export const streams = {
  ProcessCreate: {
    category: 'Triggered',
    type: 'Security',
    priority: 'Low',
    noun: 'started programs',
    distinguishing: container.distinguishing,
    counted: 'starts of programs',
    meaning: 'A program was started (execve, execveat).',
    fields: {
      Executable: required('string', 'Full path of the executable; of a script, its interpreter.'),
      ProcessId: varying(required('integer', 'Process id; 0 in an aggregate.'), 0),
      ParentProcessId: varying(
        required('integer', 'Process id of the parent; 0 in an aggregate.'),
        0,
      ),
      UserId: required('string', 'Real user id, decimal.'),
      UserName: optional('string', 'Name of that user, where /etc/passwd knows it.'),
      CommandLine: required('string', 'All arguments joined by one blank, secrets masked.'),
    },
    details: {
      Hash: 'SHA-256 of the executable in hexadecimal; empty where it was not made.',
      AuditUserId: 'User id of the login that the process descends from (auid).',
      AuditUserName: 'Name of that user, where /etc/passwd knows it.',
      SessionId: 'Audit session of that login.',
      Terminal: 'Controlling terminal, such as `pts/0`; absent when there is none.',
      ParentExecutable: 'Full path of the executable of the parent, where it is known.',
      ParentCommandLine:
        'Arguments of the parent joined by one blank, secrets masked; at most the first 1,024 bytes.',
      WorkingDirectory: 'Working directory in which the program was started.',
      ...container.details,
      ...cutCommandLine.details,
    },
    caveats: {
      ExecutableKnown: '`false`: the executable is a name without a path.',
      ...commandLineKnown,
      UserIdKnown: '`false`: the user id is unknown, and empty.',
      ParentProcessIdKnown: '`false`: the parent is unknown, and 0.',
      ...container.caveats,
      ...cutCommandLine.caveats,
    },
  },
  ProcessTerminate: {
    category: 'Triggered',
    type: 'Security',
    priority: 'Low',
    noun: 'ended programs',
    distinguishing: container.distinguishing,
    counted: 'ends of programs',
    meaning: 'A process ended.',
    fields: {
      Executable: required('string', 'Full path of the executable; empty when it is not known.'),
      ProcessId: varying(required('integer', 'Process id; 0 in an aggregate.'), 0),
      ExitStatus: required('integer', 'What it exited with; 128 + signal when a signal ended it.'),
    },
    details: {
      Signal:
        'Name of the signal that ended it, such as `SIGKILL`; absent when it exited by itself.',
      ...container.details,
    },
    caveats: {
      ExecutableKnown: '`false`: the executable is unknown, and empty.',
      ...container.caveats,
    },
  },
  ConnectionCreate: {
    category: 'Triggered',
    type: 'Security',
    priority: 'Low',
    noun: 'network connections',
    distinguishing: container.distinguishing,
    counted: 'connections',
    meaning: 'A connection was made or accepted.',
    fields: {
      Protocol: required(['tcp', 'tcp6', 'udp', 'udp6'], 'Transport and address family.'),
      Direction: required(['In', 'Out'], 'Who began: the remote side, or this one.'),
      RemoteAddress: required('ip', 'The other side.'),
      RemotePort: varying(
        required('string', 'Port of the other side; 0 in an aggregate of accepted ones.'),
        '0',
        ['Direction', 'In'],
      ),
      LocalAddress: optional('ip', 'This side.'),
      LocalPort: varying(
        optional('string', 'Port of this side; 0 in an aggregate of made ones.'),
        '0',
        ['Direction', 'Out'],
      ),
      ProcessId: varying(
        required('integer', 'Process id; 0 in an aggregate, or when it is not known.'),
        0,
      ),
      Executable: required('string', 'Full path of the executable; empty when it is not known.'),
      CommandLine: optional('string', 'All arguments joined by one blank, secrets masked.'),
      UserId: optional('string', 'Real user id, decimal.'),
    },
    details: { ...container.details, ...cutCommandLine.details },
    caveats: {
      EstablishedKnown: '`false`: it may have failed after all.',
      ProtocolKnown: '`false`: it may be TCP where UDP is said, or the other way round.',
      ProcessKnown: '`false`: the process is unknown: its id is 0, and its executable empty.',
      ProcessRole:
        '`listener`: the process is the one that listens, which may have handed the connection to another.',
      ExecutableKnown:
        '`false`: the executable is a name without a path, or empty, or the sources do not agree about it.',
      ...commandLineKnown,
      UserIdKnown: '`false`: the user id is unknown, and absent.',
      ...container.caveats,
      ...cutCommandLine.caveats,
    },
  },
  Login: {
    category: 'Triggered',
    type: 'Security',
    priority: 'High',
    noun: 'logins',
    kept: true,
    meaning: 'Somebody logged in, or tried to, or logged out.',
    oneOf: ['UserId', 'UserName'],
    fields: {
      ProcessId: required('integer', 'Process id of the program that asked.'),
      Executable: required('string', 'Full path of that program.'),
      Operation: required('string', 'How, as the program calls it; of a logout `logout`.'),
      Result: required(['Success', 'Fail'], 'Whether it was let in.'),
      UserId: optional('string', 'User id, decimal; this or UserName is always there.'),
      UserName: optional('string', 'Name of the user, as it was given.'),
      RemoteAddress: optional('ip', 'Where from, when over the network.'),
      RemotePort: optional('string', 'Port there.'),
      LocalPort: optional('string', 'Port here.'),
    },
    details: {
      Terminal: 'Terminal, such as `pts/0`; absent when there is none.',
      SessionId: 'Audit session; the logout has the same.',
      SessionSeconds: 'Of a logout: how long the session was, where its beginning was seen.',
      RemoteHost: 'Name of the other side, where its address is not known.',
      CallerUserId:
        'Of a local login: real user id of the process that asked, such as who called su.',
      Refusals:
        'Refusals that only the program told (keys that were offered, say): of a failure those it stands for, of a success those before it.',
    },
    caveats: {
      ExecutableKnown: '`false`: the executable is unknown, and empty.',
      ResultKnown:
        '`false`: whether it was let in is not known, because no record says it so that it can be read. `Result` is then `Fail`, for want of a third value; whoever counts failures leaves these out.',
    },
  },
} as const satisfies Readonly<Record<string, EventDeclaration>>;
