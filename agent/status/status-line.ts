import type { LinkState } from '../hub/link-state.js';
import type { CollectorState } from '../runner/collector-state.js';
import type { QueueName, QueueStats } from '../spool/spool.js';

interface StatusLineFacts {
  readonly link: LinkState;
  /** Attempts to send in a row without an acknowledgement of the hub. */
  readonly failedSends: number;
  readonly spool: Readonly<Record<QueueName, QueueStats>>;
  /** Why the disk does not take what it is given. */
  readonly spoolProblem: string | undefined;
  readonly collectors: Readonly<Record<string, CollectorState>>;
}

/** How the agent is, for `systemctl status`: the connection, what waits for it, and what does not work. */
export function statusLine(facts: StatusLineFacts): string {
  const { collectors, failedSends, link, spool, spoolProblem } = facts;
  const waiting = Object.values(spool).reduce((sum, { events }) => sum + events, 0);
  const inState = (wanted: CollectorState['state']): string =>
    Object.entries(collectors)
      .filter(([, { state }]) => state === wanted)
      .map(([name]) => name)
      .join(', ');
  const unavailable = inState('unavailable');
  const failing = inState('failing');
  return [
    linkText(link),
    ...(spoolProblem === undefined ? [] : [`the disk refuses events (${spoolProblem})`]),
    ...(waiting === 0 ? [] : [`${waiting} events wait to be sent`]),
    ...(failedSends === 0
      ? []
      : [`the last ${failedSends} attempts to send were not acknowledged`]),
    ...(unavailable === '' ? [] : [`not available: ${unavailable}`]),
    ...(failing === '' ? [] : [`failing: ${failing}`]),
    // Last, because it is the longest and the line may be cut.
    ...(link.name === 'waiting' ? [link.failure.message] : []),
  ].join('; ');
}

function linkText(link: LinkState): string {
  switch (link.name) {
    case 'connected':
      return 'Connected to the hub';
    case 'connecting':
      return 'Connecting to the hub';
    case 'starting':
    case 'stopped':
    case 'closing':
    case 'waiting':
      return 'Not connected to the hub';
  }
}
