/**
 * Why something that happened on the device may be missing at the hub. Loss is a value here: whoever drops, cuts,
 * cannot parse or may have missed something says so with one of these causes, and the number reaches the hub.
 * The key is what `agentStatus` and `DroppedEventsStatistics.ExtraDetails` show; the text is the reference.
 */
export const lossCauses = {
  kernelLost: 'The kernel dropped audit records before any reader saw them (AUDIT_GET `lost`).',
  socketOverflow: 'A netlink socket overflowed (ENOBUFS) because records were read too slowly.',
  serialGap: 'Audit serial numbers were skipped in the stream.',
  recordsMissing:
    'Audit events of which so many records were lost that nothing could be told of them.',
  argumentsMissing:
    'A program was reported without all of its arguments because audit records of them were lost or cut.',
  unknownAbi:
    'A system call was not understood, which may have been a program start or a connection: the agent does not know the call numbers of its ABI.',
  blindSeconds: 'Seconds during which our audit rules or audit itself were switched off by others.',
  unreadSeconds:
    'Seconds in which no run of the agent read kernel audit, from the last record of the run before.',
  assemblyOverflow:
    'An audit event was completed early, or not kept for a collector that started later, because too many were pending.',
  fileEventsOverflow:
    'The queue of the kernel for changes of files (inotify) overflowed; what is there was looked at again.',
  unparsed:
    'A record from the kernel, of a file of logins or of a database of packages could not be read.',
  fileChangesPending:
    'Changes of files were not looked at one by one because too many were pending; what is there was looked at again.',
  fileLookFailed:
    'A watched file or directory could not be looked at, so that a change of it may be untold.',
  traceOverrun: 'The kernel overwrote trace events of sockets before they were read.',
  connectionGone:
    'A connection ended before its addresses could be read, and could not be reported.',
  connectionsPending:
    'A connection attempt was forgotten, or an accepted connection told without its process, because too many were pending.',
  processGone:
    'A process ended, or executed another program, before its command line could be read.',
  pollingGap: 'Looks at /proc that came late, so that short-lived processes may have been missed.',
  hashSkipped:
    'An executable was reported without its hash: too large, unreadable or over the rate.',
  foreignAuditRecords:
    'Audit records of others that were not re-emitted because of the rate limit.',
  commandLineCut: 'A command line was cut; its length and SHA-256 are in ExtraDetails.',
  invalidEvent: 'An event did not fit the message schema or the largest message and was dropped.',
  pipelineOverflow: 'An event was dropped because too many waited to be journaled.',
  spoolFull:
    'The oldest events of the lowest priority were dropped because the local cache was full.',
  spoolCorrupt: 'Records of the local cache failed their checksum and were skipped.',
  spoolWriteFailed: 'Events could not be written to the local cache.',
  notJudged:
    'Events that the rules of detection were not asked about: they came before the rules were read, or a rule could not be asked.',
  judgedInPart:
    'Events that the rules of detection saw in part: too long, or the time for one event was over.',
  correlationsForgotten:
    'Steps of a correlation that were forgotten before their time because too many were kept.',
  alertsOverRate:
    'Alerts that were told as ordinary events of their priority, because their rule had raised too many within ten minutes.',
  historyLost:
    'Events that the history on the device should hold and does not: not written, or found damaged. The hub may have them.',
  logRefused: 'Lines of the log of the agent itself could not be written.',
  collectorFailed: 'A collector failed and ran again later.',
} as const satisfies Record<string, string>;

export type LossCause = keyof typeof lossCauses;

export function isLossCause(name: string): name is LossCause {
  return Object.hasOwn(lossCauses, name);
}

/** Counts a loss; `count` is in events unless the cause says otherwise. */
export type ReportLoss = (cause: LossCause, count: number) => void;
