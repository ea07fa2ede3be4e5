/**
 * The declaration of every event of the security message contract: one table from which the payload types, the
 * check before an event is journaled, and the generated reference come. The wire names are the contract's and may
 * not change. Source: the public message schemas, version 1.0.
 */

type Kind = 'string' | 'integer' | 'boolean' | 'ip' | readonly string[];

interface Field {
  /** An array lists the allowed values. `ip` is IPv4 or IPv6 text. */
  readonly kind: Kind;
  readonly required: boolean;
  readonly meaning: string;
}

export interface EventDeclaration {
  readonly category: 'Periodic' | 'Triggered';
  readonly type: 'Security' | 'Operational' | 'Diagnostic';
  readonly meaning: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** The members of `ExtraDetails`, all of them optional text, with what they say. */
  readonly details?: Readonly<Record<string, string>>;
  /**
   * Further members of `ExtraDetails`: those that say what of the event is not known, or not the whole. An aggregate
   * has each that one of its hits had, for what one of them does not know is not known of all.
   */
  readonly caveats?: Readonly<Record<string, string>>;
  /** At least one of these optional fields is there. */
  readonly oneOf?: readonly string[];
}

const required = <const K extends Kind>(kind: K, meaning: string) =>
  ({ kind, required: true, meaning }) as const;
const optional = <const K extends Kind>(kind: K, meaning: string) =>
  ({ kind, required: false, meaning }) as const;

const commandLineKnown = {
  CommandLineKnown: '`false`: the arguments could not be read, or not all of them.',
} as const;

const cutCommandLine = {
  details: {
    CommandLineSha256: 'Of a command line that was cut: SHA-256 of the whole, secrets masked.',
  },
  caveats: {
    CommandLineSizeBytes:
      'Of a command line that was cut: its whole size in UTF-8; in an aggregate that of the first one cut.',
  },
} as const;

export const events = {
  ProcessCreate: {
    category: 'Triggered',
    type: 'Security',
    meaning: 'A program was started (execve, execveat).',
    fields: {
      Executable: required('string', 'Full path of the executable; of a script, its interpreter.'),
      ProcessId: required('integer', 'Process id; 0 in an aggregate.'),
      ParentProcessId: required('integer', 'Process id of the parent; 0 in an aggregate.'),
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
      ...cutCommandLine.details,
    },
    caveats: {
      ExecutableKnown: '`false`: the executable is a name without a path.',
      ...commandLineKnown,
      UserIdKnown: '`false`: the user id is unknown, and empty.',
      ParentProcessIdKnown: '`false`: the parent is unknown, and 0.',
      ...cutCommandLine.caveats,
    },
  },
  ProcessTerminate: {
    category: 'Triggered',
    type: 'Security',
    meaning: 'A process ended.',
    fields: {
      Executable: required('string', 'Full path of the executable; empty when it is not known.'),
      ProcessId: required('integer', 'Process id; 0 in an aggregate.'),
      ExitStatus: required('integer', 'What it exited with; 128 + signal when a signal ended it.'),
    },
    details: {
      Signal:
        'Name of the signal that ended it, such as `SIGKILL`; absent when it exited by itself.',
    },
    caveats: { ExecutableKnown: '`false`: the executable is unknown, and empty.' },
  },
  ConnectionCreate: {
    category: 'Triggered',
    type: 'Security',
    meaning: 'A connection was made or accepted.',
    fields: {
      Protocol: required(['tcp', 'tcp6', 'udp', 'udp6'], 'Transport and address family.'),
      Direction: required(['In', 'Out'], 'Who began: the remote side, or this one.'),
      RemoteAddress: required('ip', 'The other side.'),
      RemotePort: required('string', 'Port of the other side; 0 in an aggregate of accepted ones.'),
      LocalAddress: optional('ip', 'This side.'),
      LocalPort: optional('string', 'Port of this side; 0 in an aggregate of made ones.'),
      ProcessId: required('integer', 'Process id; 0 in an aggregate, or when it is not known.'),
      Executable: required('string', 'Full path of the executable; empty when it is not known.'),
      CommandLine: optional('string', 'All arguments joined by one blank, secrets masked.'),
      UserId: optional('string', 'Real user id, decimal.'),
    },
    details: cutCommandLine.details,
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
      ...cutCommandLine.caveats,
    },
  },
  Login: {
    category: 'Triggered',
    type: 'Security',
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
    caveats: { ExecutableKnown: '`false`: the executable is unknown, and empty.' },
  },
  ListeningPorts: {
    category: 'Periodic',
    type: 'Security',
    meaning: 'The sockets that wait for others: TCP in LISTEN, bound UDP.',
    fields: {
      Protocol: required(['tcp', 'tcp6', 'udp', 'udp6'], 'Transport and address family.'),
      LocalAddress: optional('ip', 'Address the socket is bound to.'),
      LocalPort: required('string', 'Port the socket is bound to.'),
      RemoteAddress: optional('ip', 'The any-address of the family.'),
      RemotePort: optional('string', 'Always `*`.'),
    },
    details: {
      Pid: 'Process id of the holder; of several the lowest.',
      Executable: 'Full path of its executable.',
      UserId: 'User id of the socket, decimal.',
    },
  },
  Diagnostic: {
    category: 'Triggered',
    type: 'Diagnostic',
    meaning: 'Something about the agent itself that an operator should know.',
    fields: {
      Severity: required(['Fatal', 'Error', 'Warning', 'Information', 'Debug'], 'How bad it is.'),
      Message: required('string', 'One sentence.'),
      ProcessId: required('integer', 'Process id of the agent.'),
      ThreadId: required('integer', 'Thread id; the agent has one.'),
      CorrelationId: optional('string', 'GUID of the run that wrote it.'),
    },
  },
  ConfigurationError: {
    category: 'Triggered',
    type: 'Operational',
    meaning: 'A desired property that could not be used as written.',
    fields: {
      ConfigurationName: required('string', 'The desired property.'),
      ErrorType: required(['TypeMismatch', 'NotOptimal', 'Conflict'], 'What is wrong with it.'),
      UsedConfiguration: required('string', 'The value in force instead.'),
      Message: required('string', 'What was written, and what would be right.'),
    },
    details: { DesiredVersion: '`$version` of the desired properties that hold it.' },
  },
  DroppedEventsStatistics: {
    category: 'Periodic',
    type: 'Operational',
    meaning: 'How many events each queue took and lost since the last such event.',
    fields: {
      Queue: required(['High', 'Low'], 'The queue.'),
      CollectedEvents: required('integer', 'Events offered to the queue.'),
      DroppedEvents: required('integer', 'Events of the queue that will never arrive.'),
    },
  },
  MessageStatistics: {
    category: 'Periodic',
    type: 'Operational',
    meaning: 'How many messages were sent since the last such event.',
    fields: {
      MessagesSent: required('integer', 'Messages that the hub acknowledged.'),
      MessagesUnder4KB: required('integer', 'Of these, messages of less than 4096 bytes.'),
      TotalFailed: required('integer', 'Attempts to send that failed.'),
    },
  },
} as const satisfies Record<string, EventDeclaration>;

/** What the members of `ExtraDetails` say that an aggregate has beside those of its event. */
export const aggregateDetails = {
  HitCount: 'How many times it happened within the window.',
  StartTimeLocal: 'Start of the window, with the offset of the time zone.',
  StartTimeUtc: 'Start of the window.',
  EndTimeLocal: 'End of the window, with the offset of the time zone.',
  EndTimeUtc: 'End of the window.',
  FirstSeenUtc: 'When it happened for the first time within the window.',
  LastSeenUtc: 'When it happened for the last time within the window.',
} as const;

/** What the members of `ExtraDetails` say that any event may have. */
export const commonDetails = {
  ClockNotSet:
    '`true`: the clock of the device had not been set (1970), so that the times are not to be trusted; the boot and the offset of the clock follow.',
  TimeCorrectedFrom:
    'The time as it was recorded before the clock was set; that of the event was corrected by the time since boot.',
  Truncated: '`true`: the longest texts were cut, because the event did not fit a message.',
} as const;

/** All of them, for whoever goes over the declarations. */
export const eventDeclarations: Readonly<Record<EventName, EventDeclaration>> = events;

type Events = typeof events;
export type EventName = keyof Events;

type NamesWhere<Property extends 'category' | 'type', Value> = {
  [N in EventName]: Events[N][Property] extends Value ? N : never;
}[EventName];

type SecurityName = NamesWhere<'type', 'Security'>;
/** Events that a snapshot collector gives. */
export type SnapshotName = Extract<SecurityName, NamesWhere<'category', 'Periodic'>>;
/** Events that a triggered collector gives. */
export type TriggeredName = Extract<SecurityName, NamesWhere<'category', 'Triggered'>>;

type ValueOf<K extends Kind> = K extends readonly (infer V)[]
  ? V
  : K extends 'integer'
    ? number
    : K extends 'boolean'
      ? boolean
      : string;

type Fields<N extends EventName> = Events[N]['fields'];
type RequiredKeys<F> = { [K in keyof F]: F[K] extends { required: true } ? K : never }[keyof F];
type KindAt<F, K extends keyof F> = F[K] extends { kind: infer V extends Kind } ? V : never;

/** The payload of one event: its declared fields, and `ExtraDetails` whose values are all strings. */
export type Payload<N extends EventName = EventName> = N extends EventName
  ? {
      -readonly [K in RequiredKeys<Fields<N>>]: ValueOf<KindAt<Fields<N>, K>>;
    } & {
      -readonly [K in Exclude<keyof Fields<N>, RequiredKeys<Fields<N>>>]?: ValueOf<
        KindAt<Fields<N>, K>
      >;
    } & { ExtraDetails?: Record<string, string> }
  : never;

type KeysIn<E, Property extends 'details' | 'caveats'> =
  E extends Record<Property, infer D> ? keyof D : never;

/** The members of `ExtraDetails` that the collector of an event may set. */
export type Details<N extends EventName> = {
  -readonly [K in KeysIn<Events[N], 'details'> | KeysIn<Events[N], 'caveats'>]?: string;
};
