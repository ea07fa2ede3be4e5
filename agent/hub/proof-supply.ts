import { reasonOf } from '../../base/errors.js';
import type { Clock } from '../../base/clock.js';
import type { CredentialSource, ModuleCredentials } from '../identity/credentials/credentials.js';
import { ServiceError, type HubAddress } from '../identity/services/service-error.js';
import { HubError } from './failure.js';
import { LongSilence } from './long-silence.js';

/** How a life, or the attempt at one, ended. */
export interface Ended {
  readonly failure: HubError;
  /** How long the connection was established; undefined when it never was. */
  readonly lifeMs: number | undefined;
  /** Undefined when they could not be had. */
  readonly credentials: ModuleCredentials | undefined;
  /** Who refused instead of the hub, where it was another service. */
  readonly asked: HubAddress | undefined;
}

interface ProofSupplyOptions {
  readonly source: CredentialSource;
  readonly compareTime: (hub: HubAddress) => Promise<boolean>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Has the credentials for each attempt to connect, and tells their source what became of them. */
export class ProofSupply {
  private readonly silence: LongSilence;

  constructor(private readonly options: ProofSupplyOptions) {
    this.silence = new LongSilence(options.clock);
  }

  /** @throws HubError for what is on the device, ServiceError for what a service answered */
  async current(): Promise<ModuleCredentials> {
    try {
      return await this.options.source.current();
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      throw new HubError('credentials', reasonOf(error));
    }
  }

  /** There is a connection. */
  accepted(): void {
    this.silence.over();
  }

  /**
   * Draws the conclusions from a failed attempt, or from the end of a connection.
   * @returns whether the next attempt will show another proof: signed by the right time, or by another key
   */
  async ended({ asked, credentials, failure }: Ended): Promise<boolean> {
    const { compareTime, source } = this.options;
    const isRefused = failure.kind === 'authorisation';
    const hub = asked ?? credentials;
    if (isRefused && hub !== undefined && (await compareTime(hub))) return true;
    if (credentials === undefined) return false;
    if (this.silence.failed(failure.kind)) source.unreachable?.(credentials);
    return isRefused && source.refused(credentials);
  }
}
