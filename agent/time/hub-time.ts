import type { Log } from '../../base/log.js';
import type { Proxy } from '../identity/services/proxy-tunnel.js';
import type { HubAddress } from '../identity/services/service-error.js';
import { spanText, timeText } from './clock-watch.js';
import { readHubDate } from './hub-date.js';

/** Within this the hub takes a token, and the second-grained Date of an answer says nothing more. */
const tolerableMs = 2 * 60_000;
const httpsPort = 443;

interface HubTimeOptions {
  readonly wallMs: () => number;
  readonly log: Log;
  readonly timeoutMs: number;
  /** The one through which the hub is reached, where there is one. */
  readonly proxy: () => Promise<Proxy | undefined>;
  /** The clock is found to be wrong; the sentence says by how much. */
  readonly onWrongClock: (sentence: string) => void;
}

/**
 * How far the clock of the device is from the hub's. A token that is signed with a wrong clock is refused like a wrong
 * key; so after a refusal the hub is asked for the time, by the `Date` of an HTTPS answer whose certificate is checked
 * as any other. A clock so wrong that the certificate is not valid by it cannot be corrected like this.
 */
export class HubTime {
  private offMs = 0;

  constructor(private readonly options: HubTimeOptions) {}

  /** Add it to the wall clock to have the hub's time. */
  get correctionMs(): number {
    return this.offMs;
  }

  /** The wall clock was set: what was known of the hub's time still holds. */
  clockSet(byMs: number): void {
    if (this.offMs === 0) return;
    const leftMs = this.offMs - byMs;
    this.offMs = Math.abs(leftMs) <= tolerableMs ? 0 : leftMs;
  }

  /** Asks the hub for the time. @returns whether the next token will be signed with another time than the last */
  async compare(hub: HubAddress): Promise<boolean> {
    const { log, wallMs } = this.options;
    const hubMs = await this.readDate(hub).catch((error: unknown) => {
      log.debug(`The hub was asked for the time in vain: ${String(error)}.`);
      return undefined;
    });
    if (hubMs === undefined) return false;
    const offMs = hubMs - wallMs();
    const correctionMs = Math.abs(offMs) <= tolerableMs ? 0 : offMs;
    if (Math.abs(correctionMs - this.offMs) <= tolerableMs) return false;
    this.offMs = correctionMs;
    if (correctionMs !== 0) this.tell(hubMs - offMs, hubMs);
    return true;
  }

  private tell(deviceMs: number, hubMs: number): void {
    const how = deviceMs < hubMs ? 'behind' : 'ahead of';
    this.options.onWrongClock(
      `The clock of the device says ${timeText(deviceMs)}, which is ${spanText(hubMs - deviceMs)} ${how} the hub's ${timeText(hubMs)}: tokens are signed with the hub's time, events carry that of the device. Set the clock, for example with a time service.`,
    );
  }

  private async readDate({
    gatewayHostName,
    hostName,
    trustedCaPem,
  }: HubAddress): Promise<number | undefined> {
    const { proxy, timeoutMs } = this.options;
    const [host = hostName, port = httpsPort] = (gatewayHostName ?? hostName).split(':');
    const endpoint = { host, port: Number(port), trustedCaPem, proxy: await proxy() };
    return readHubDate(endpoint, AbortSignal.timeout(timeoutMs));
  }
}
