import type { Publication, Reaction } from './publication.js';
import type { DirectMethods } from './direct-methods.js';
import type { Faults, TwinRefusal } from './faults.js';
import { clientIdOf, type Address, type Identities, type Identity } from './identities.js';
import { receiveMessage, type ReceivedMessage } from './received-message.js';
import type { SchemaCheck } from './schema-check.js';
import { TelemetryQueue } from './throttle.js';
import { parseRequest, twinAnswerFilter, type ClientRequest } from './topics.js';
import { errorAnswer, report, viewTwin, type TwinAnswer } from './twin-service.js';

interface RequestsOptions {
  readonly identities: Identities;
  readonly schema: SchemaCheck;
  readonly methods: DirectMethods;
  readonly faults: Readonly<Faults>;
  /** Publishes to a client that subscribed to the filter. */
  readonly sendTo: (address: Address, filter: string, topic: string, body: string) => void;
  readonly onMessage: (message: ReceivedMessage) => void;
  readonly onReported: (identity: Identity, version: number) => void;
}

type TwinRequest = Extract<ClientRequest, { kind: 'twin-get' | 'twin-report' }>;

/** Answers what clients publish: telemetry, twin requests, answers to direct methods; anything else ends the connection. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #telemetry = new TelemetryQueue();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  onPublication(publication: Publication): Reaction {
    const { from, topic, payload } = publication;
    const request = parseRequest(topic, from.address);
    if (request === undefined) return { close: `it published on the unknown topic ${topic}` };
    switch (request.kind) {
      case 'telemetry': {
        const bag = stampedBag(request.propertyBag, publication);
        return this.#onTelemetry(from.address, bag, payload);
      }
      case 'method-answer':
        this.#options.methods.answered(request.requestId, request.status, payload.toString('utf8'));
        return 'acknowledge';
      case 'twin-get':
      case 'twin-report':
        return this.#onTwinRequest(request, publication);
    }
  }

  #onTwinRequest(request: TwinRequest, { from, payload }: Publication): Reaction {
    const { identities, faults, sendTo, onReported } = this.#options;
    const identity = identities.find(from.address);
    if (identity === undefined) return { close: 'it is no longer registered' };
    const { status, body, version } = from.hasApiVersion
      ? this.#answer(request, identity, payload)
      : errorAnswer(400, 400004, 'the user name of the connection has no api-version');
    if (!faults.withholdTwinAnswers) {
      const suffix = version === undefined ? '' : `&$version=${version}`;
      const topic = `${twinAnswerFilter.slice(0, -1)}${status}/?$rid=${request.requestId}${suffix}`;
      sendTo(identity, twinAnswerFilter, topic, body);
    }
    if (version !== undefined) onReported(identity, version);
    return 'acknowledge';
  }

  #answer(request: TwinRequest, identity: Identity, payload: Buffer): TwinAnswer {
    const { faults, identities } = this.#options;
    const reads = request.kind === 'twin-get';
    const refusal = reads ? faults.refuseTwinReads : faults.refuseTwinReports;
    if (refusal !== undefined) return refused(refusal);
    return reads
      ? { status: 200, body: JSON.stringify(viewTwin(identity)) }
      : report(identity, identities, payload, request.baseVersion);
  }

  #onTelemetry(from: Address, bag: string, payload: Buffer): Reaction {
    const { faults, schema, onMessage } = this.#options;
    const admittance = this.#telemetry.admit(faults.telemetryThrottle, Date.now());
    if (admittance === 'over') return { close: `${clientIdOf(from)}: it sends too much` };
    const message = receiveMessage(from, bag, payload, schema);
    if (typeof message === 'string') return { close: `${clientIdOf(from)}: ${message}` };
    onMessage(message);
    if (faults.withholdAcknowledgements) return 'withhold-acknowledgement';
    const delayMs = faults.acknowledgementDelayMs + admittance.delayMs;
    return delayMs > 0 ? { acknowledgeAfterMs: delayMs } : 'acknowledge';
  }
}

/** The property bag with what the hub adds of its own. */
function stampedBag(bag: string, { isWill, retain }: Publication): string {
  return [
    bag.replace(/\/$/, ''),
    ...(retain ? ['mqtt-retain=true'] : []),
    ...(isWill ? ['iothub-MessageType=Will'] : []),
  ].join('&');
}

function refused({ status, withBody }: TwinRefusal): TwinAnswer {
  if (!withBody) return { status, body: '' };
  return errorAnswer(status, status * 1000 + 1, 'refused on demand');
}
