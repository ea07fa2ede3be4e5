import { cutCommandLine } from './common-details.js';
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
  FileChange: {
    category: 'Triggered',
    type: 'Security',
    ours: true,
    priority: 'High',
    kept: true,
    noun: 'changes of watched files',
    meaning:
      'A watched file or directory is not as it was: what makes something run again, lets somebody in, or is the agent itself.',
    fields: {
      Path: required('string', 'Which one; of several, the directory that they are all below.'),
      Change: required(
        ['Created', 'Changed', 'Deleted', 'Renamed', 'Mode', 'Owner', 'Several'],
        'What became of it: `Changed` in content, perhaps in mode and owner too; `Several`: a burst of changes, such as the upgrade of a package.',
      ),
      ProcessId: optional(
        'integer',
        'Process that did it; of several, the one that all who did it descend from.',
      ),
      Executable: optional('string', 'Full path of its executable.'),
      CommandLine: optional(
        'string',
        'All arguments joined by one blank, secrets masked; where nothing else is known, the first 128 bytes as the process shows them.',
      ),
      UserId: optional('string', 'Its real user id, decimal.'),
      UserName: optional('string', 'Name of that user, where /etc/passwd knows it.'),
    },
    details: {
      HashBefore:
        'SHA-256 of the content before, hexadecimal; of a link, of the path that it says.',
      HashAfter: 'The same of the content now.',
      ModeBefore: 'Permission bits before, octal.',
      ModeAfter: 'Permission bits now, octal.',
      OwnerBefore: 'User id and group id before, parted by a colon.',
      OwnerAfter: 'The same now.',
      RenamedFrom: 'Path at which it was before.',
      LoginUserId: 'User id of the login that the process descends from.',
      Folded: 'Of several: how many changes.',
      FoldedPaths: 'Of several: the first ten paths, parted by commas.',
      WhileDown:
        '`true`: it was found at the first look, and happened while the agent did not run.',
      NotBeforeUtc: 'When it was last looked at before: it happened after that.',
      ...cutCommandLine.details,
    },
    caveats: {
      WhoKnown: '`false`: the process that did it is not known.',
      HashKnown:
        '`false`: a hash is missing: of what was not known before, is larger than 1 MiB, cannot be read, or holds secrets.',
      ...cutCommandLine.caveats,
    },
  },
} as const satisfies Readonly<Record<string, EventDeclaration>>;
