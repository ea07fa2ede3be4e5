import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { reasonOf } from '../../base/errors.js';
import type { HttpRefusal } from '../hub/faults.js';
import { Listeners, type Unsubscribe } from '../hub/listeners.js';
import { readRequest, send, type ServiceAnswer, type ServiceRequest } from './http-service.js';

/** Ways to misbehave. */
interface UnixServiceFaults {
  /** Every request is refused so, or never answered. */
  refuse: HttpRefusal | 'silence' | undefined;
}

/** A request, and the status of its answer; undefined when it was not answered. */
export interface UnixCall {
  readonly method: string;
  readonly path: string;
  readonly status: number | undefined;
}

/** The request is not one that the service takes. */
export class ServiceRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A socket path has to fit into the kernel's address, with its end. */
const longestSocketPath = 107;

/** HTTP on a unix socket, as the services of IoT Edge speak it: refusals are `{"message": …}`. */
export class UnixService {
  readonly path: string;
  readonly faults: UnixServiceFaults = { refuse: undefined };
  readonly #apiVersions: readonly string[];
  readonly #answer: (request: ServiceRequest) => object;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #calls = new Listeners<UnixCall>();

  private constructor(
    path: string,
    apiVersions: readonly string[],
    answer: (request: ServiceRequest) => object,
  ) {
    this.path = path;
    this.#apiVersions = apiVersions;
    this.#answer = answer;
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * Listens on `path`, in the place of a socket that was left there.
   * @param answer gives the body of 200, or throws {@link ServiceRefusal}
   */
  static async start(
    path: string,
    apiVersions: readonly string[],
    answer: (request: ServiceRequest) => object,
  ): Promise<UnixService> {
    if (Buffer.byteLength(path) > longestSocketPath) {
      throw new Error(
        `The unix socket ${path} cannot be made: its path is longer than ${longestSocketPath} bytes.`,
      );
    }
    const service = new UnixService(path, apiVersions, answer);
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      service.#server.once('error', (error) =>
        reject(
          new Error(`The unix socket ${path} cannot be made (${reasonOf(error)}).`, {
            cause: error,
          }),
        ),
      );
      service.#server.listen(path, resolve);
    });
    return service;
  }

  onCall(listener: (call: UnixCall) => void): Unsubscribe {
    return this.#calls.add(listener);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    const read = await readRequest(request);
    const answer = this.#answerTo(read);
    this.#calls.tell({ method, path, status: answer?.status });
    if (answer !== undefined) send(response, answer);
  }

  #answerTo(request: ServiceRequest | undefined): ServiceAnswer | undefined {
    const { refuse } = this.faults;
    if (refuse === 'silence') return undefined;
    if (refuse !== undefined) return refusal(refuse.status, 'refused on demand');
    if (request === undefined) return refusal(400, 'the request cannot be read');
    const version = request.query.get('api-version');
    if (version === undefined) return refusal(400, 'api-version not specified');
    if (!this.#apiVersions.includes(version)) return refusal(400, `invalid api-version ${version}`);
    try {
      return { status: 200, body: this.#answer(request) };
    } catch (error) {
      if (error instanceof ServiceRefusal) return refusal(error.status, error.message);
      throw error;
    }
  }
}

function refusal(status: number, message: string): ServiceAnswer {
  return { status, body: { message } };
}

/** The body of a request that has to have one. @throws ServiceRefusal */
export function bodyOf({ headers, body }: ServiceRequest): NonNullable<ServiceRequest['body']> {
  if (headers['content-type']?.split(';')[0] !== 'application/json') {
    throw new ServiceRefusal(415, 'request body must be application/json');
  }
  if (body === undefined) throw new ServiceRefusal(422, 'request body is not an object of JSON');
  return body;
}

/** The bytes that a member of a body holds in base64. @throws ServiceRefusal when it does not */
export function bytesOf(value: unknown, name: string): Buffer {
  const isBase64 = typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
  if (!isBase64 || value.length % 4 !== 0) throw new ServiceRefusal(422, `${name} is not base64`);
  return Buffer.from(value, 'base64');
}
