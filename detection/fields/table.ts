import { events, type EventName } from '../../contract/events.js';
import {
  constant,
  detail,
  field,
  from,
  type KnownField,
  listOf,
  missing,
  type Origin,
  raw,
  type SourceDeclaration,
} from './declaration.js';

const commandLine = from(raw('arguments', true), field('CommandLine'));
const byDirection = (out: readonly Origin[], into: readonly Origin[]): KnownField => ({
  from: [],
  by: { field: 'Direction', from: { Out: out, In: into } },
});
const remoteName = [raw('remoteName')];
/** Changes that write a file. */
const written = ['Created', 'Changed', 'Renamed'];
/** What audit calls a path by what happens to it; the rest are there before and after. */
const nameTypes = {
  Created: 'CREATE',
  Renamed: 'CREATE',
  Deleted: 'DELETE',
  Changed: 'NORMAL',
  Mode: 'NORMAL',
  Owner: 'NORMAL',
};
const whoChanged = {
  Image: from(field('Executable')),
  CommandLine: from(field('CommandLine')),
  User: from(field('UserName'), field('UserId')),
  ProcessId: from(field('ProcessId')),
};
const journal = 'the texts of the journal';

/** Events that Sigma has no category for, under our own names. */
const ownCategories = {
  ProcessTerminate: 'process_termination',
  Login: 'login',
  ListeningPorts: 'listening_ports',
  LocalUsers: 'local_users',
  FirewallConfiguration: 'firewall_configuration',
  ConnectedHardware: 'connected_hardware',
  SystemInformation: 'system_information',
  OSBaseline: 'os_baseline',
  StateChange: 'state_change',
} as const satisfies Partial<Record<EventName, string>>;

/** Each field, detail and caveat of one of our events, under its own name. */
function ownSource(event: keyof typeof ownCategories): SourceDeclaration {
  const { fields, ...declared } = events[event];
  const details = [
    ...('details' in declared ? Object.keys(declared.details) : []),
    ...('caveats' in declared ? Object.keys(declared.caveats) : []),
  ];
  return {
    logsource: { category: ownCategories[event], product: 'linux', service: 'iot-security-agent' },
    event,
    fields: Object.fromEntries([
      ...details.map((name) => [name, from(detail(name))]),
      ...Object.keys(fields).map((name) => [name, from(field(name))]),
    ]) as Record<string, KnownField>,
  };
}

const missingSource = (service: string): SourceDeclaration => ({
  logsource: { product: 'linux', service },
  missing: journal,
  fields: {},
});

/**
 * What Sigma calls our events and their fields. A rule that asks for what is missing here is loaded and says what it needs;
 * its condition is judged with that field absent.
 *
 * `Image` and `ParentImage` are lists: the kernel's executable, the path that was typed, and the script, because rules mean
 * any of them. `LogonId` is the user id, as Sysmon for Linux has it.
 */
export const sources: readonly SourceDeclaration[] = [
  {
    logsource: { category: 'process_creation', product: 'linux' },
    event: 'ProcessCreate',
    fields: {
      Image: listOf(field('Executable'), raw('executedPath'), raw('scriptPath')),
      CommandLine: commandLine,
      ParentImage: listOf(
        detail('ParentExecutable'),
        raw('parentExecutedPath'),
        raw('parentScriptPath'),
      ),
      ParentCommandLine: from(raw('parentArguments', true), detail('ParentCommandLine')),
      User: from(field('UserName'), field('UserId')),
      LogonId: from(field('UserId')),
      CurrentDirectory: from(detail('WorkingDirectory')),
      ProcessId: from(field('ProcessId')),
      ParentProcessId: from(field('ParentProcessId')),
      Hashes: from(detail('Hash')),
      sha256: from(detail('Hash')),
      TerminalSessionId: from(detail('SessionId')),
      LogonGuid: missing('a GUID of the login, which Linux does not have'),
      ProcessGuid: missing('a GUID of the process, which Linux does not have'),
      OriginalFileName: missing('the original name out of a Windows executable'),
      IntegrityLevel: missing('integrity levels, which Linux does not have'),
    },
  },
  {
    logsource: { category: 'network_connection', product: 'linux' },
    event: 'ConnectionCreate',
    fields: {
      Image: listOf(field('Executable'), raw('executedPath'), raw('scriptPath')),
      CommandLine: commandLine,
      ProcessId: from(field('ProcessId')),
      User: from(field('UserId')),
      Protocol: {
        from: [field('Protocol')],
        says: { tcp6: 'tcp', udp6: 'udp' },
      },
      Initiated: { from: [field('Direction')], says: { Out: 'true', In: 'false' } },
      SourceIp: byDirection([field('LocalAddress')], [field('RemoteAddress')]),
      SourcePort: byDirection([field('LocalPort')], [field('RemotePort')]),
      DestinationIp: byDirection([field('RemoteAddress')], [field('LocalAddress')]),
      DestinationPort: byDirection([field('RemotePort')], [field('LocalPort')]),
      DestinationHostname: byDirection(remoteName, []),
      SourceHostname: missing('the name of the other side of a connection that was accepted'),
    },
  },
  {
    logsource: { product: 'linux', service: 'auditd' },
    event: 'ProcessCreate',
    fields: {
      type: constant('EXECVE'),
      a: { from: [raw('arguments')], numbered: true },
    },
  },
  {
    logsource: { product: 'linux', service: 'auditd' },
    event: 'ProcessCreate',
    fields: {
      type: constant('SYSCALL'),
      SYSCALL: constant('execve'),
      exe: from(field('Executable')),
      comm: from(raw('comm')),
      euid: from(raw('effectiveUserId')),
      uid: from(field('UserId')),
      auid: from(detail('AuditUserId')),
      key: from(raw('auditKey')),
      ses: from(detail('SessionId')),
      pid: from(field('ProcessId')),
      ppid: from(field('ParentProcessId')),
      unit: missing('audit records of services'),
    },
  },
  {
    logsource: { category: 'file_event', product: 'linux' },
    event: 'FileChange',
    // Sigma means files that come into being, or get another content.
    when: { field: 'Change', is: written },
    fields: { TargetFilename: from(field('Path')), ...whoChanged },
  },
  {
    logsource: { category: 'file_change', product: 'linux' },
    event: 'FileChange',
    when: { field: 'Change', is: ['Mode', 'Owner'] },
    fields: { TargetFilename: from(field('Path')), ...whoChanged },
  },
  {
    logsource: { category: 'file_delete', product: 'linux' },
    event: 'FileChange',
    when: { field: 'Change', is: ['Deleted'] },
    fields: { TargetFilename: from(field('Path')), ...whoChanged },
  },
  {
    logsource: { category: 'file_rename', product: 'linux' },
    event: 'FileChange',
    when: { field: 'Change', is: ['Renamed'] },
    fields: {
      TargetFilename: from(field('Path')),
      SourceFilename: from(detail('RenamedFrom')),
      ...whoChanged,
    },
  },
  {
    logsource: { product: 'linux', service: 'auditd' },
    event: 'FileChange',
    when: { field: 'Change', is: [...written, 'Deleted', 'Mode', 'Owner'] },
    fields: {
      type: constant('PATH'),
      name: from(field('Path')),
      nametype: { from: [field('Change')], says: nameTypes },
    },
  },
  ...(Object.keys(ownCategories) as (keyof typeof ownCategories)[]).map(ownSource),
  ...['sshd', 'syslog', 'sudo', 'auth', 'cron', 'vsftpd', 'clamav', 'guacamole'].map(missingSource),
];
