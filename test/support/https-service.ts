import { readFileSync } from 'node:fs';
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { HttpsService } from '../../agent/identity/services/https-client.js';
import { openCertificates } from '../../local-hub/hub/server-certificate.js';
import { temporaryDirectory } from './temporary-directory.js';

/** A request as a scripted service got it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** PEM of the client's certificate; undefined where it showed none. */
  readonly hasCertificate: boolean;
}

/** What a scripted service answers; a body that is not a text is sent as JSON. */
export interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The end of the body never comes. */
  readonly endless?: true;
}

export interface ScriptedService {
  /** Where to ask it, trusted by its own authority. */
  readonly service: HttpsService;
  readonly asked: Asked[];
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>;
}

type Script = (asked: Asked, number: number) => Scripted | 'silence';

/** A service on loopback over real TLS that answers what the test says; ends with the test. */
export async function httpsService(
  script: Script,
  options: ServerOptions = {},
): Promise<ScriptedService> {
  const directory = temporaryDirectory('https-service');
  const { caFile, certificatePem, privateKeyPem } = await openCertificates(directory);
  const server = createServer({ cert: certificatePem, key: privateKeyPem, ...options });
  const { asked, open } = serve(server, script);
  const port = await listenOnLoopback(server);
  const trustedCaPem = readFileSync(caFile, 'utf8');
  const service = {
    host: 'localhost',
    port,
    settings: 'identity.restEndpoint',
    timeoutMs: 5_000,
    trustedCaPem,
  };
  return { service, asked, open };
}

/** The same on a unix socket, without TLS. */
export async function socketService(script: Script, socketPath: string): Promise<Asked[]> {
  const server = createPlainServer();
  const { asked } = serve(server, script);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return asked;
}

function serve(server: Server, script: Script): { asked: Asked[]; open: Set<Socket> } {
  const asked: Asked[] = [];
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method = '', url: path = '', headers, socket } = request;
      const { subject } = (socket as Partial<TLSSocket>).getPeerCertificate?.() ?? {};
      const one = { method, path, headers, body, hasCertificate: subject !== undefined };
      asked.push(one);
      const answer = script(one, asked.length);
      if (answer === 'silence') return;
      const { status = 200, headers: extra = {}, body: content = {} } = answer;
      response.writeHead(status, extra);
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      if (answer.endless === true) response.write(text);
      else response.end(text);
    });
  });
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { asked, open };
}

/** @returns the port */
export async function listenOnLoopback(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export interface ScriptedProxy {
  readonly host: string;
  readonly port: number;
  /** What was asked for, `CONNECT host:port`, and the credentials beside it. */
  readonly asked: { readonly target: string; readonly authorization: string | undefined }[];
}

/** A proxy that opens tunnels, or refuses with `status`; ends with the test. */
export async function connectProxy(status = 200): Promise<ScriptedProxy> {
  const asked: { target: string; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = createPlainServer();
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const target = request.url ?? '';
    asked.push({ target, authorization: request.headers['proxy-authorization'] });
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} Refused\r\n\r\n`);
      return;
    }
    // Whatever the name, so that a test may name what does not resolve.
    const onward = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: '127.0.0.1', port: await listenOnLoopback(server), asked };
}
