import { type EventDeclaration, optional, required } from './declaration.js';

/** Of what `StateChange` tells; a subject is looked at as a whole, and its items are what may come, go or change. */
export const stateSubjects = [
  'ListeningPort',
  'User',
  'GroupMember',
  'Password',
  'Device',
  'FirewallRule',
  'KernelModule',
  'SetUidFile',
  'Unit',
  'Agent',
] as const;
export type StateSubject = (typeof stateSubjects)[number];

/** What became different on the device, and by whom; additions of ours, which an old consumer may ignore. */
export const changes = {
  StateChange: {
    category: 'Triggered',
    type: 'Security',
    ours: true,
    priority: 'High',
    kept: true,
    noun: 'changes of the state of the device',
    meaning:
      'Something of the device is not as it was at the last look. The whole of it follows in the snapshot of its own.',
    fields: {
      Subject: required(stateSubjects, 'What kind of thing it is.'),
      Item: required('string', 'Which one, by its name or path.'),
      Change: required(['Added', 'Removed', 'Changed'], 'What became of it.'),
      Before: optional('string', 'What was known of it; absent of what was added.'),
      After: optional('string', 'What is known of it now; absent of what was removed.'),
    },
    details: {
      ProcessId: 'Process that did it, where that is known.',
      Executable: 'Full path of its executable.',
      UserId: 'Its real user id, decimal.',
      UserName: 'Name of that user, where /etc/passwd knows it.',
      WhileDown:
        '`true`: it was found at the first look, and happened while the agent did not run.',
      NotBeforeUtc: 'When it was last looked at before: it happened after that.',
      More: 'How many further items of the subject changed at the same look, which are not told one by one.',
    },
  },
} as const satisfies Readonly<Record<string, EventDeclaration>>;
