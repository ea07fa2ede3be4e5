import { request } from 'node:http';
import type { Socket } from 'node:net';
import { withCode } from '../../../contract/error-code.js';
import { connectionFault } from './connection-fault.js';
import { ServiceError } from './service-error.js';

/** A proxy of HTTP that opens tunnels (CONNECT, RFC 9110 §9.3.6). */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** `user:password` where it asks for that. A secret. */
  readonly userAndPassword?: string | undefined;
}

/** Where a tunnel leads. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a tunnel through the proxy; whoever gets the socket speaks TLS with the target over it, so that the proxy sees
 * only its name.
 * @param signal ends the attempt; the socket that is handed over is no more bound to it
 * @throws ServiceError
 */
export function openTunnel(
  proxy: Proxy,
  { host, port }: TunnelTarget,
  signal: AbortSignal,
): Promise<Socket> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const subject = `Could not reach ${authority} through the proxy ${proxy.host}:${proxy.port}`;
  const { userAndPassword } = proxy;
  return new Promise((resolve, reject) => {
    const asked = request({
      host: proxy.host,
      port: proxy.port,
      method: 'CONNECT',
      path: authority,
      agent: false,
      headers: {
        host: authority,
        ...(userAndPassword === undefined
          ? {}
          : { 'proxy-authorization': `Basic ${Buffer.from(userAndPassword).toString('base64')}` }),
      },
    });
    const refuse = (kind: ServiceError['kind'], reason: string): void => {
      signal.removeEventListener('abort', abort);
      asked.destroy();
      reject(new ServiceError(kind, `${subject}: ${withCode(reason, 'Authentication / Other')}.`));
    };
    const abort = (): void => refuse('timeout', 'there was no answer in time; check the proxy');
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    asked.once('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        refuse('network', refusal(statusCode, userAndPassword !== undefined));
        return;
      }
      signal.removeEventListener('abort', abort);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.on('error', (error) => {
      const { kind, reason } = connectionFault(error, { host: proxy.host, settings: 'proxy' });
      refuse(kind, reason);
    });
    asked.end();
  });
}

/** Completes "Could not reach X through the proxy Y: …". */
function refusal(status: number, hadPassword: boolean): string {
  if (status === 407) {
    return hadPassword
      ? 'it refused the user and password of proxyCredentialsFile (407); correct that file'
      : 'it asks for a user and a password (407); name a file that holds user:password in proxyCredentialsFile';
  }
  if (status === 403) {
    return 'it does not allow that (403); have whoever runs the proxy allow this name and port';
  }
  return `it answered ${status}; check the setting proxy, and that the proxy allows this name and port`;
}
