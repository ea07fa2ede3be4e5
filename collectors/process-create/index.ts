import { type Unavailable, isUnavailable } from '../../base/unavailable.js';
import { BestSource } from '../interface/best-source.js';
import type {
  Observation,
  RunningCollector,
  TriggeredCollector,
  TriggeredContext,
} from '../interface/collector.js';
import { InOrder } from '../interface/in-order.js';
import { executedFile, observationOf } from './payload.js';
import { processSources } from './sources/index.js';
import type { StartedProgram } from './sources/program.js';

type Context = TriggeredContext;

/** Every program that is started, from the best source that works. */
export const processCreate: TriggeredCollector<'ProcessCreate'> = {
  kind: 'triggered',
  name: 'ProcessCreate',
  async start(context) {
    const watch = new ProcessWatch(context);
    const unavailable = await watch.start();
    return unavailable ?? watch;
  },
};

const hashDeadlineMs = 500;
const mostWaitingForHash = 4096;
const mostWaitingCharacters = 8 * 1024 * 1024;
/**
 * 1. One source is in use at a time, the best that works (`BestSource`).
 * 2. After `stop` nothing is told, and what waited for its hash was told before.
 */
class ProcessWatch implements RunningCollector {
  private readonly order: InOrder<Observation>;
  private readonly source: BestSource<StartedProgram>;
  /** Keeps the table of processes up to date, for the parents; they may be unknown where that cannot be had. */
  private following: { end(): void } | undefined;

  constructor(private readonly context: Context) {
    const { clock, emit, host } = context;
    this.order = new InOrder({
      clock,
      emit,
      deadlineMs: hashDeadlineMs,
      mostWaiting: mostWaitingForHash,
      mostWaitingCharacters,
    });
    this.source = new BestSource({
      ...context,
      sources: processSources,
      setting: host.settings.processSource,
      onFacts: (program) => this.tell(program),
    });
  }

  /** Resolves with the reason when no source works. */
  async start(): Promise<Unavailable | undefined> {
    // First, so that its socket is read first: a parent is known then before its child is told.
    const following = await this.context.host.processes.follow({ onFailed: () => undefined });
    if (!isUnavailable(following)) this.following = following;
    const unavailable = await this.source.start();
    if (unavailable !== undefined) this.following?.end();
    return unavailable;
  }

  async stop(): Promise<void> {
    await this.source.stop();
    this.following?.end();
    this.order.flush();
  }

  private tell(program: StartedProgram): void {
    const { host, lose } = this.context;
    const { auditUserId, parentPid, pid, realUid, serial, timeMs } = program;
    host.inventoryProcesses.notice(pid, parentPid);
    const nameOf = (uid: number | undefined) =>
      uid === undefined ? uid : host.users.nameOf(uid, timeMs);
    const userName = nameOf(realUid);
    const context = {
      userName,
      auditUserName: auditUserId === realUid ? userName : nameOf(auditUserId),
      parent:
        parentPid === undefined ? undefined : host.processes.of(parentPid, timeMs, { pid, serial }),
      container: host.processes.containerOf(pid, timeMs),
    };
    const file = executedFile(program);
    const { enabled } = host.executableHashes;
    const settle = this.order.push(
      (found) => {
        if (found === '' && enabled) lose('hashSkipped', 1);
        return observationOf(program, context, found);
      },
      program.argv.reduce((sum, argument) => sum + argument.length, 0),
    );
    if (file === undefined || !enabled) settle('');
    else host.executableHashes.hashOf(file, settle);
  }
}
