import type { Clock } from '../../base/clock.js';
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

/** A subject that takes longer to start is not waited for, neither by the agent nor by the next one. */
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
  // What is missing is said once for all subjects, not anew with each that starts.
  const life = { started: false };
  const followers = followed.map(
    (subject) =>
      new Follower({
        subject,
        host,
        clock,
        lose,
        onFound: (found) => tell(context, subject, found),
        onState: () => {
          if (life.started) say();
        },
      }),
  );
  const say = (): void => {
    const limitation = followers.flatMap((follower) => follower.limitation ?? []).join(' ');
    setSource({ source: 'comparison', ...(limitation !== '' && { limitation }) });
  };
  await inTime(clock, startEach(followers, clock));
  life.started = true;
  say();
  return {
    stop: async () => {
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
}

/** One after the other: what several looks need at once would stay with the process, several megabytes of it. */
async function startEach(followers: readonly Follower[], clock: Clock): Promise<void> {
  for (const follower of followers) await inTime(clock, follower.start());
}

/** What is late goes on. */
async function inTime(clock: Clock, work: Promise<void>): Promise<void> {
  const late = (): Error => new Error('late');
  await withDeadline(clock, startWithinMs, work, late).catch(() => undefined);
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
