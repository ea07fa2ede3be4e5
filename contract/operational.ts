import { type EventDeclaration, optional, required } from './declaration.js';

/** What the agent tells about itself. */
export const operational = {
  Diagnostic: {
    category: 'Triggered',
    type: 'Diagnostic',
    priority: 'Low',
    noun: "the agent's own diagnostics",
    kept: { Severity: ['Fatal', 'Error', 'Warning'] },
    meaning: 'Something about the agent itself that an operator should know.',
    fields: {
      Severity: required(['Fatal', 'Error', 'Warning', 'Information', 'Debug'], 'How bad it is.'),
      Message: required('string', 'One sentence.'),
      ProcessId: required('integer', 'Process id of the agent.'),
      ThreadId: required('integer', 'Thread id; the agent has one.'),
      CorrelationId: optional('string', 'GUID of the run that wrote it.'),
    },
    details: {
      HitCount: 'How often it came again within an hour; the first time was told before.',
      FirstSeenUtc: 'When it came again for the first time.',
      LastSeenUtc: 'When it came for the last time.',
    },
  },
  ConfigurationError: {
    category: 'Triggered',
    type: 'Operational',
    priority: 'Low',
    inheritsPriority: 'eventPriorityOperational',
    noun: 'configuration errors',
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
    priority: 'Low',
    inheritsPriority: 'eventPriorityOperational',
    noun: 'statistics of lost events',
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
    priority: 'Low',
    inheritsPriority: 'eventPriorityOperational',
    noun: 'statistics of sent messages',
    meaning: 'How many messages were sent since the last such event.',
    fields: {
      MessagesSent: required('integer', 'Messages that the hub acknowledged.'),
      MessagesUnder4KB: required('integer', 'Of these, messages of less than 4096 bytes.'),
      TotalFailed: required('integer', 'Attempts to send that failed.'),
    },
  },
} as const satisfies Readonly<Record<string, EventDeclaration>>;
