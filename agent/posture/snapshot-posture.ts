import type { JsonObject } from '../../base/json.js';
import { hasLoginShell } from '../../collectors/os-baseline/facts/accounts.js';
import type { Details, Payload, SnapshotName } from '../../contract/events.js';
import type { CollectorState } from '../runner/collector-state.js';
import { firewallPosture } from './firewall-posture.js';

/** What a snapshot comes to, in a few numbers without a name of a user in them. */
export interface PostureOf {
  /** The member of `securityPosture`. */
  readonly member: string;
  /** @param state of the collector, once it has found these payloads */
  readonly summary: (payloads: readonly Payload[], state: CollectorState) => JsonObject;
}

/** Of one severity; ids that are beyond are counted, and told by the event. */
const longestIds = 200;
const longestId = 48;

const notKnown: JsonObject = { state: 'notKnown' };

/** The snapshots that say something of the posture. */
export const postures: Partial<Readonly<Record<SnapshotName, PostureOf>>> = {
  OSBaseline: {
    member: 'baseline',
    summary: (payloads, state) => baseline(payloads as readonly Payload<'OSBaseline'>[], state),
  },
  ListeningPorts: {
    member: 'listeners',
    summary: (payloads) => listeners(payloads as readonly Payload<'ListeningPorts'>[]),
  },
  LocalUsers: {
    member: 'users',
    summary: (payloads) => users(payloads as readonly Payload<'LocalUsers'>[]),
  },
  FirewallConfiguration: {
    member: 'firewall',
    summary: (payloads, { limitation }) =>
      firewallPosture(payloads as readonly Payload<'FirewallConfiguration'>[], limitation),
  },
};

/** What could not be checked is not judged; the score is the share of what passed, rounded down so that 100 is all. */
function baseline(payloads: readonly Payload<'OSBaseline'>[], state: CollectorState): JsonObject {
  const { passed, failed, errors } = state.counters ?? {};
  if (passed === undefined || failed === undefined) return notKnown;
  const judged = passed + failed;
  const severities = new Map<string, string[]>();
  for (const { CceId, ExtraDetails: details, Result, Severity } of payloads) {
    if (Result !== 'Fail') continue;
    const ids = severities.get(Severity);
    const id = details?.['CheckId'] ?? CceId;
    if (ids === undefined) severities.set(Severity, [id]);
    else ids.push(id);
  }
  return {
    state: 'known',
    ...(judged > 0 && { scorePercent: Math.floor((100 * passed) / judged) }),
    passed,
    judged,
    notJudged: errors ?? 0,
    failed: Object.fromEntries(
      [...severities].map(([severity, ids]) => [
        severity,
        { count: ids.length, ids: idsText(ids) },
      ]),
    ),
  };
}

/** Whole ids in a fixed order, so that a text changes only with what it says; `…` stands for the rest. */
function idsText(ids: readonly string[]): string {
  let text = '';
  for (const id of [...new Set(ids.map(plainId))].sort()) {
    const longer = text === '' ? id : `${text}, ${id}`;
    if (longer.length > longestIds - 3) return `${text}, …`;
    text = longer;
  }
  return text;
}

/** Ids of checks of one's own come from a file that anybody may have written. */
function plainId(id: string): string {
  return id.replace(/[^\w.-]/g, '_').slice(0, longestId);
}

/** Ports, not sockets: what listens on the any-address of both families is open once. */
function listeners(payloads: readonly Payload<'ListeningPorts'>[]): JsonObject {
  const ports = { tcp: new Set<string>(), udp: new Set<string>() };
  for (const { LocalAddress, LocalPort, Protocol } of payloads) {
    if (LocalAddress !== '0.0.0.0' && LocalAddress !== '::') continue;
    ports[Protocol.startsWith('tcp') ? 'tcp' : 'udp'].add(LocalPort);
  }
  return { state: 'known', anyAddressTcp: ports.tcp.size, anyAddressUdp: ports.udp.size };
}

/** Of two lines with one name the system takes the first. */
function users(payloads: readonly Payload<'LocalUsers'>[]): JsonObject {
  const details = payloads.map(({ ExtraDetails = {} }): Details<'LocalUsers'> => ExtraDetails);
  if (details.some(({ PasswordKnown }) => PasswordKnown === 'false')) return notKnown;
  const withShell = details.filter(
    ({ SameName, Shell: shell = '' }) => SameName !== 'true' && hasLoginShell({ shell }),
  );
  const withPassword = (state: string): number =>
    withShell.filter(({ Password }) => Password === state).length;
  return {
    state: 'known',
    shellAndPassword: withPassword('set'),
    shellAndEmptyPassword: withPassword('empty'),
  };
}
