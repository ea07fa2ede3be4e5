import { withDeadline } from '../../base/deadline.js';
import { utcText } from '../../base/timestamps.js';
import type { Details, Payload } from '../../contract/events.js';
import type {
  RunningCollector,
  TriggeredCollector,
  TriggeredContext,
} from '../interface/collector.js';
import type { Subject, Who } from '../interface/state-subject.js';
import { type Difference, folded } from './difference.js';
import { Follower, type Found } from './follower.js';
import { createSubjects } from './subjects/index.js';

/** Of the start: a subject that takes longer is not waited for, and begins when it is ready. */
const startWithinMs = 5_000;

/** Tells what of the device is not as it was at the last look, also what changed while the agent did not run. */
export const stateChange: TriggeredCollector<'StateChange'> = collectorOf(createSubjects);

/** @param create the subjects that it looks at, of each start its own */
export function collectorOf(create: () => readonly Subject[]): TriggeredCollector<'StateChange'> {
  return { kind: 'triggered', name: 'StateChange', start: (context) => start(context, create()) };
}

async function start(
  context: TriggeredContext<'StateChange'>,
  followed: readonly Subject[],
): Promise<RunningCollector> {
  const { clock, host, lose, setSource } = context;
  const followers = followed.map(
    (subject) =>
      new Follower({
        subject,
        host,
        clock,
        lose,
        onFound: (found) => tell(context, subject, found),
        onState: () => say(),
      }),
  );
  const say = (): void => {
    const limitation = followers.flatMap((follower) => follower.limitation ?? []).join(' ');
    setSource({ source: 'comparison', ...(limitation !== '' && { limitation }) });
  };
  const started = Promise.all(followers.map((follower) => follower.start()));
  const late = (): Error => new Error('late');
  await withDeadline(clock, startWithinMs, started, late).catch(() => undefined);
  say();
  return {
    stop: async () => {
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
}

function tell(
  { clock, emit, host }: TriggeredContext<'StateChange'>,
  subject: Subject,
  { differences, who, notBeforeMs }: Found,
): void {
  const { told, more } = folded(differences);
  const common: Details<'StateChange'> = {
    ...(notBeforeMs !== undefined && { WhileDown: 'true', NotBeforeUtc: utcText(notBeforeMs) }),
  };
  for (const [index, difference] of told.entries()) {
    const isLast = index === told.length - 1;
    const itsWho = subject.whoOf?.(difference.item) ?? who;
    const details = {
      ...detailsOf(itsWho, host.users),
      ...common,
      ...(isLast && more > 0 && { More: String(more) }),
    };
    emit({ timeMs: clock.wallMs(), payload: payloadOf(subject, difference, details) });
  }
  // At the start the snapshot is taken in any case.
  if (notBeforeMs === undefined) host.stateNews.tell(subject.name);
}

function payloadOf(
  subject: Subject,
  { item, before, after }: Difference,
  details: Details<'StateChange'>,
): Payload<'StateChange'> {
  const shown = subject.shown?.(before, after) ?? {
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
  };
  return {
    Subject: subject.name,
    Item: item,
    Change: before === undefined ? 'Added' : after === undefined ? 'Removed' : 'Changed',
    ...(shown.before !== undefined && { Before: shown.before }),
    ...(shown.after !== undefined && { After: shown.after }),
    ...(Object.keys(details).length > 0 && { ExtraDetails: details }),
  };
}

function detailsOf(
  who: Who | undefined,
  users: { nameOf(uid: number): string | undefined },
): Details<'StateChange'> {
  if (who === undefined) return {};
  const { executable, pid, userId } = who;
  const userName = userId === undefined ? undefined : users.nameOf(Number(userId));
  return {
    ...(pid !== undefined && { ProcessId: String(pid) }),
    ...(executable !== undefined && { Executable: executable }),
    ...(userId !== undefined && { UserId: userId }),
    ...(userName !== undefined && { UserName: userName }),
  };
}
