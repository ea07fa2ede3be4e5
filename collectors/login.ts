import type { Timer } from './clock.js';
import type {
  RunningCollector,
  SourceState,
  TriggeredCollector,
  TriggeredContext,
  Unavailable,
} from './collector.js';
import { isUnavailable } from './collector.js';
import type { Host } from './host.js';
import { loginObservation, type LoginFacts } from './login-payload.js';
import { loginSources, type LoginSource, openLoginSource } from './login-sources.js';

type Context = TriggeredContext<'Login'>;

/** Every attempt to log in and every logout, from the best source that works. */
export const login: TriggeredCollector<'Login'> = {
  kind: 'triggered',
  name: 'Login',
  async start(context) {
    const watch = new LoginWatch(context);
    const unavailable = await watch.start();
    return unavailable ?? watch;
  },
};

/** How often audit is tried while wtmp is in use. */
const betterSourceRetryMs = 5 * 60_000;

interface InUse {
  readonly source: LoginSource;
  readonly end: () => Promise<void>;
}

/**
 * 1. One source is in use at a time; which one, and why no better one, is told whenever it changes.
 * 2. A source that ends is replaced by the best that works; when none does, the collector fails.
 * 3. A better source is armed before the worse one is left: a login may be told twice then, but none is missed.
 * 4. After `stop` nothing is told, and what waited for the rest of its records was told before.
 */
class LoginWatch implements RunningCollector {
  private inUse: InUse | undefined;
  private retry: Timer | undefined;
  private work: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(private readonly context: Context) {}

  /** Resolves with the reason when no source works. */
  start(): Promise<Unavailable | undefined> {
    return this.enqueue(() => this.openBest());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.cancel();
    await this.enqueue(async () => {
      await this.inUse?.end();
      this.inUse = undefined;
    });
  }

  private enqueue<T>(step: () => Promise<T>): Promise<T> {
    const done = this.work.then(step);
    this.work = done.catch(() => undefined);
    return done;
  }

  private async openBest(): Promise<Unavailable | undefined> {
    const reasons: string[] = [];
    for (const source of loginSources) {
      if (this.stopped || this.inUse?.source === source) break;
      const opened = await this.open(source, reasons.join(' '));
      if (isUnavailable(opened)) {
        reasons.push(opened.unavailable);
        continue;
      }
      const worse = this.inUse;
      this.inUse = opened;
      await worse?.end();
      break;
    }
    if (this.inUse === undefined) return { unavailable: reasons.join(' ') };
    if (this.inUse.source !== loginSources[0]) this.retryLater();
    return undefined;
  }

  private async open(source: LoginSource, whyNotBetter: string): Promise<InUse | Unavailable> {
    const { host, lose, emit, setSource } = this.context;
    const life = { armed: false, ended: false };
    let state: SourceState = { source };
    const opened = await openLoginSource(source, host, {
      lose,
      onLogin: (facts) => {
        if (!life.ended) emit(loginObservation(named(facts, host)));
      },
      onState: (told) => {
        const limitation = [told.limitation, whyNotBetter].filter(Boolean).join(' ');
        state = limitation === '' ? told : { ...told, limitation };
        if (life.armed && !life.ended && !this.stopped) setSource(state);
      },
      onFailed: (error) => {
        if (life.ended) return;
        life.ended = true;
        void this.enqueue(() => this.replace(source, error));
      },
    });
    if (isUnavailable(opened)) return opened;
    life.armed = true;
    setSource(state);
    return {
      source,
      end: async () => {
        await opened.end();
        life.ended = true;
      },
    };
  }

  private async replace(source: LoginSource, error: Error): Promise<void> {
    if (this.stopped || this.inUse?.source !== source) return;
    this.inUse = undefined;
    const unavailable = await this.openBest();
    if (unavailable !== undefined) {
      this.context.fail(new Error(`${error.message} ${unavailable.unavailable}`));
    }
  }

  private retryLater(): void {
    this.retry?.cancel();
    if (this.stopped) return;
    this.retry = this.context.clock.after(betterSourceRetryMs, () => {
      void this.enqueue(() => this.openBest());
    });
  }
}

/** Completes uid and name from each other where /etc/passwd knows them. */
function named(facts: LoginFacts, { users }: Host): LoginFacts {
  const { userId, userName } = facts;
  const uid = userId ?? (userName === undefined ? undefined : users.uidOf(userName));
  const name = userName ?? (userId === undefined ? undefined : users.nameOf(userId));
  return {
    ...facts,
    ...(uid !== undefined && { userId: uid }),
    ...(name !== undefined && { userName: name }),
  };
}
