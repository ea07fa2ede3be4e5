import type { RefusalCode } from './connect-check.js';

/** How a twin request is refused. */
export interface TwinRefusal {
  readonly status: number;
  /** With the JSON body that IoT Hub gives; some failures come without. */
  readonly withBody: boolean;
}

/** What the hub takes of telemetry, and what it does beyond. */
export interface TelemetryThrottle {
  readonly perSecond: number;
  /** So many more are taken and acknowledged late; after that the connection ends. */
  readonly backlog: number;
}

/** How a request over HTTPS is refused. */
export interface HttpRefusal {
  /** 429, or 500 and above. */
  readonly status: number;
  readonly retryAfterSeconds?: number;
}

/** Ways to misbehave, all off at first; a change counts from the next packet on. */
export interface Faults {
  /** Every CONNECT is refused with this code. */
  refuseConnectWith: RefusalCode | undefined;
  /** Connections are taken, and nothing on them is read or answered. */
  silent: boolean;
  /** A connection ends so long after it was made, as when its token expires, whatever that says. */
  tokenLifeMs: number | undefined;
  /** Messages are received and recorded, and the sender never gets to know. */
  withholdAcknowledgements: boolean;
  /** Messages are received and recorded, and acknowledged so much later. */
  acknowledgementDelayMs: number;
  telemetryThrottle: TelemetryThrottle | undefined;
  /** Twin requests are carried out and never answered. */
  withholdTwinAnswers: boolean;
  /** Reads of the twin are refused. */
  refuseTwinReads: TwinRefusal | undefined;
  /** Reported properties are refused, and not applied. */
  refuseTwinReports: TwinRefusal | undefined;
  /** Reads of the registry over HTTPS are refused. */
  refuseRegistryReads: HttpRefusal | undefined;
  /** So many reads of the registry are answered in a minute; IoT Hub's own number is that of the tiers below S3. */
  registryReadsPerMinute: number;
  /** No connection becomes a WebSocket; the status of the refusal. */
  refuseWebSockets: number | undefined;
}

export function noFaults(): Faults {
  return {
    refuseConnectWith: undefined,
    silent: false,
    tokenLifeMs: undefined,
    withholdAcknowledgements: false,
    acknowledgementDelayMs: 0,
    telemetryThrottle: undefined,
    withholdTwinAnswers: false,
    refuseTwinReads: undefined,
    refuseTwinReports: undefined,
    refuseRegistryReads: undefined,
    registryReadsPerMinute: 100,
    refuseWebSockets: undefined,
  };
}
