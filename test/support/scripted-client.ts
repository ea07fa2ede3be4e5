import type { HubClient, HubClientEvents, TwinDocument } from '../../agent/hub/hub-client.js';
import type { ModuleCredentials } from '../../agent/identity/credentials/credentials.js';

export interface Call {
  readonly resolve: (value?: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Method = 'open' | 'readTwin' | 'report' | 'send' | 'close';

/** A client whose answers the test gives, call by call. */
export class ScriptedClient implements HubClient {
  readonly calls: Record<Method, Call[]> = {
    open: [],
    readTwin: [],
    report: [],
    send: [],
    close: [],
  };
  abandoned = false;

  constructor(
    readonly credentials: ModuleCredentials,
    readonly events: HubClientEvents,
  ) {}

  open = (): Promise<void> => this.call('open');
  readTwin = (): Promise<TwinDocument> => this.call('readTwin');
  report = (): Promise<void> => this.call('report');
  send = (): Promise<void> => this.call('send');
  close = (): Promise<void> => this.call('close');

  abandon(): void {
    this.abandoned = true;
  }

  /** The newest call of a method. */
  last(method: Method): Call {
    const call = this.calls[method].at(-1);
    if (call === undefined) throw new Error(`${method} was not called`);
    return call;
  }

  private call<T>(method: Method): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.calls[method].push({ resolve: resolve as Call['resolve'], reject });
    });
  }
}
