import { basename } from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js';
import { printable } from '../base/text.js';

/** Longer texts of strangers are cut, in UTF-16 units. */
const longestText = 200;

/** A stranger's text on its line, control characters escaped, cut when it is long. */
export function brief(text: string): string {
  return printable(text, longestText);
}

/** A stranger's value; `?` for what is absent or empty. */
export function shown(value: JsonValue | undefined): string {
  if (value === undefined || value === '') return '?';
  return brief(typeof value === 'string' ? value : JSON.stringify(value));
}

/** What one payload says. All texts are escaped and cut. */
export interface Sentence {
  readonly text: string;
  /** Further facts, without the number of hits and the process id. */
  readonly aside: readonly string[];
  /** How many times it happened. */
  readonly hits: number;
  /** Of the one process that it is about; undefined when there are several, or none is known. */
  readonly processId: number | undefined;
  /** Sentences whose `likeness` is the same differ in what matters little; absent where everything matters. */
  readonly likeness?: string;
}

type Details = JsonObject;
type Speaker = (payload: JsonObject, details: Details) => Omit<Sentence, 'hits' | 'processId'>;

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The facts that are there. */
function facts(...all: readonly (string | false)[]): readonly string[] {
  return all.filter((fact) => fact !== false && fact !== '') as string[];
}

/** `curl` of `/usr/bin/curl`. */
function programName(executable: string): string {
  return brief(basename(executable) || executable);
}

function withoutNumbers(sentence: string): string {
  return sentence.replace(/\d+/gu, '0');
}

function processCreate(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const executable = text(payload['Executable']);
  const commandLine = text(payload['CommandLine']);
  const line = brief(commandLine === '' ? executable : commandLine);
  const user = text(payload['UserName']) || text(payload['UserId']);
  const alreadySaid = `${line} `.startsWith(`${executable} `);
  return {
    text: line === '' ? 'a program' : line,
    aside: facts(
      line === '' && 'which one is not known',
      !alreadySaid && brief(executable),
      user === '' ? 'user not known' : `user ${brief(user)}`,
      line !== '' && details['CommandLineKnown'] === 'false' && 'arguments not known',
    ),
    likeness: withoutNumbers(line),
  };
}

function processTerminate(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const executable = text(payload['Executable']);
  const signal = details['Signal'];
  const ending =
    signal === undefined
      ? `ended with status ${shown(payload['ExitStatus'])}`
      : `was ended by ${shown(signal)}`;
  return {
    text: `${executable === '' ? 'a program' : programName(executable)} ${ending}`,
    aside: [executable === '' ? 'which one is not known' : brief(executable)],
  };
}

/** A port of 0 stands for several. */
function endpoint(address: JsonValue | undefined, port: JsonValue | undefined): string {
  const host = text(address).includes(':') ? `[${shown(address)}]` : shown(address);
  return port === undefined || port === '0' || port === '' ? host : `${host}:${shown(port)}`;
}

function connectionCreate(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const incoming = payload['Direction'] === 'In';
  const local = payload['LocalAddress'];
  const ends = (localPort: JsonValue | undefined, remotePort: JsonValue | undefined): string =>
    [
      ...(local === undefined ? [] : [endpoint(local, localPort)]),
      incoming ? '←' : '→',
      endpoint(payload['RemoteAddress'], remotePort),
    ].join(' ');
  const { LocalPort: localPort, RemotePort: remotePort } = payload;
  const kind = `${shown(payload['Direction']).toLowerCase()} ${shown(payload['Protocol'])}`;
  const executable = text(payload['Executable']);
  return {
    text: `${kind} ${ends(localPort, remotePort)}`,
    aside: facts(
      executable === '' ? 'process not known' : programName(executable),
      details['ProcessRole'] === 'listener' && 'which listens there',
      details['EstablishedKnown'] === 'false' && 'may have failed',
      details['ProtocolKnown'] === 'false' && 'tcp or udp',
    ),
    // Addresses matter; of the ports, that of the listening side matters unless many of them are tried.
    likeness: `${kind} ${ends('0', '0')}`,
  };
}

function login(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const { UserName: name, UserId: id, RemoteAddress: address, RemotePort: port } = payload;
  const who = name === undefined ? `user ${shown(id)}` : shown(name);
  const remote = address === undefined ? details['RemoteHost'] : endpoint(address, port);
  const from = remote === undefined ? '' : ` from ${shown(remote)}`;
  const terminal = details['Terminal'];
  const on = terminal === undefined ? '' : ` on ${shown(terminal)}`;
  const executable = text(payload['Executable']);
  const program = executable === '' ? 'a program that is not known' : programName(executable);
  const operation = shown(payload['Operation']);
  const success = payload['Result'] === 'Success';
  const { SessionSeconds: seconds, CallerUserId: caller, Refusals: refusals } = details;
  const more = facts(
    operation !== 'logout' && operation,
    caller !== undefined && `asked by user ${shown(caller)}`,
    refusals !== undefined && `${shown(refusals)} refusals ${success ? 'before' : 'in all'}`,
  );
  if (operation === 'logout' && success) {
    const after = seconds === undefined ? '' : ` after ${shown(seconds)} s`;
    return { text: `${who}${from}${on} with ${program}: logged out${after}`, aside: more };
  }
  const result = success
    ? 'success'
    : payload['Result'] === 'Fail'
      ? 'failure'
      : shown(payload['Result']);
  return { text: `${who}${from}${on} with ${program}: ${result}`, aside: more };
}

/** A socket that waits for others; the same text for the same socket. */
function listeningPort(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const executable = text(details['Executable']);
  return {
    text: `${shown(payload['Protocol'])} ${endpoint(payload['LocalAddress'], payload['LocalPort'])}`,
    aside: facts(executable === '' ? false : brief(executable)),
  };
}

/** A rule in few words: where it stands, what it does, and what it asks of a packet. */
function firewallRule(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const {
    Action: action,
    ChainName: chain,
    DestinationAddress: to,
    DestinationPort: port,
    Protocol: protocol,
    SourceAddress: from,
  } = payload;
  const conditions = [
    protocol !== undefined && shown(protocol),
    from !== undefined && `from ${brief(text(from))}`,
    to !== undefined && `to ${brief(text(to))}`,
    port !== undefined && `port ${brief(text(port))}`,
    ...['State', 'InInterface', 'OutInterface', 'Match'].map(
      (key) => details[key] !== undefined && brief(text(details[key])),
    ),
  ].filter((condition) => condition !== false);
  const what = action === 'Other' ? brief(text(details['Verdict'])) : shown(action);
  return {
    text: [`${shown(details['Table'])} ${shown(chain)}: ${what}`, ...conditions].join(' '),
    aside: facts(
      details['Policy'] !== undefined && 'policy',
      details['Unfiltered'] !== undefined && 'nothing filters here',
      payload['Enabled'] === false && 'not in force',
    ),
  };
}

/** Who did it, as far as that is known. */
function doer(payload: JsonObject, details: Details): readonly (string | false)[] {
  const told = (key: string): string => text(payload[key]) || text(details[key]);
  const program = told('Executable');
  const user = told('UserName') || told('UserId');
  return [
    program === '' ? false : programName(program),
    user === '' ? false : `user ${brief(user)}`,
    details['WhoKnown'] === 'false' && 'who did it is not known',
    details['WhileDown'] === 'true' && 'while nobody looked',
  ];
}

function stateChange(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const { After: after, Before: before, Change: change, Item: item, Subject: subject } = payload;
  const from = before === undefined ? '' : `, was ${shown(before)}`;
  const to = after === undefined ? '' : `, is ${shown(after)}`;
  const what = `${shown(subject)} ${shown(item)} ${shown(change).toLowerCase()}${from}${to}`;
  const { More: more } = details;
  return {
    text: what,
    aside: facts(...doer(payload, details), more !== undefined && `${shown(more)} more of them`),
  };
}

function fileChange(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const { Change: change, Path: path } = payload;
  const { Folded: folded, RenamedFrom: source } = details;
  const values = ['Mode', 'Owner'].flatMap((kind) => {
    const [before, after] = [details[`${kind}Before`], details[`${kind}After`]];
    // Of a file that came or went there is one only, and it is no news.
    if (before === undefined || after === undefined || before === after) return [];
    return [`${kind.toLowerCase()} ${shown(before)} → ${shown(after)}`];
  });
  return {
    text: `${shown(path)} ${shown(change).toLowerCase()}`,
    aside: facts(
      source !== undefined && `from ${shown(source)}`,
      ...values,
      folded !== undefined && `${shown(folded)} changes`,
      ...doer(payload, details),
    ),
  };
}

/** A package; those that were there before are many, and only their number and the first are worth a line. */
function installedPackage(payload: JsonObject, details: Details): ReturnType<Speaker> {
  const { Change: change, Name: name, PackageManager: manager, Version: version } = payload;
  const { VersionBefore: before } = details;
  return {
    text: `${shown(name)} ${shown(version)} ${shown(change).toLowerCase()}`,
    aside: facts(shown(manager), before !== undefined && `was ${shown(before)}`),
    ...(change === 'Present' && { likeness: 'present' }),
  };
}

const speakers: Readonly<Record<string, Speaker>> = {
  ProcessCreate: processCreate,
  ProcessTerminate: processTerminate,
  ConnectionCreate: connectionCreate,
  Login: login,
  StateChange: stateChange,
  FileChange: fileChange,
  ListeningPorts: listeningPort,
  SoftwareInventory: installedPackage,
  FirewallConfiguration: firewallRule,
  OSBaseline: (payload, details) => ({
    text: shown(details['CheckId'] ?? payload['CceId']),
    aside: facts(
      payload['Result'] === 'Err' && 'could not be checked',
      brief(text(details['Found']) || text(payload['Error'])),
      shown(payload['Severity']),
    ),
  }),
  Diagnostic: (payload) => ({
    text: `${shown(payload['Severity'])}: ${shown(payload['Message'])}`,
    aside: [],
  }),
  ConfigurationError: (payload) => ({
    text: `${shown(payload['ConfigurationName'])}: ${shown(payload['Message'])}`,
    aside: [`${shown(payload['UsedConfiguration'])} is in force`],
  }),
  MessageStatistics: (payload) => ({
    text: `${shown(payload['MessagesSent'])} messages sent, ${shown(payload['MessagesUnder4KB'])} of them under 4 KB, ${shown(payload['TotalFailed'])} attempts failed`,
    aside: [],
  }),
  DroppedEventsStatistics: (payload, details) => ({
    text: [
      `${shown(payload['Queue'])}: ${shown(payload['CollectedEvents'])} events collected, ${shown(payload['DroppedEvents'])} dropped`,
      ...Object.entries(details).map(([cause, count]) => `${shown(count)} × ${brief(cause)}`),
    ].join('; '),
    aside: [],
  }),
};

/** Of an event that this view has no words for: its fields as they are. */
function anyEvent(payload: JsonObject): ReturnType<Speaker> {
  const fields = Object.entries(payload).filter(([field]) => field !== 'ExtraDetails');
  const pairs = fields.map(([field, value]) => `${brief(field)}=${shown(value)}`);
  return { text: pairs.join(' '), aside: [] };
}

/** One payload of the event `name`, whatever it holds. */
export function sentenceOf(name: string, payload: JsonObject): Sentence {
  const { ExtraDetails: extra, ProcessId: processId } = payload;
  const details = isJsonObject(extra) ? extra : {};
  const speaker = Object.hasOwn(speakers, name) ? speakers[name] : undefined;
  const hits = Number(details['HitCount'] ?? 1);
  const known = speaker !== undefined && typeof processId === 'number' && processId !== 0;
  return {
    ...(speaker ?? anyEvent)(payload, details),
    hits: Number.isSafeInteger(hits) && hits > 0 ? hits : 1,
    processId: known ? processId : undefined,
  };
}
