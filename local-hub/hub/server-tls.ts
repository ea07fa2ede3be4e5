import { constants } from 'node:crypto';
import {
  createSecureContext,
  type SecureContextOptions,
  type Server,
  type TlsOptions,
} from 'node:tls';
import type { ServerCertificate } from './server-certificate.js';

/**
 * The TLS of all servers of the hub: the handshake asks for a certificate and goes on without one or with any, because
 * who the client is, and by what it proves it, is known only later. The authorities can change while servers run.
 */
export class ServerTls {
  readonly #certificate: ServerCertificate;
  readonly #authorities: () => readonly string[];
  readonly #servers = new Set<Server>();

  /** @param authorities of clients, PEM, as they are at the time of the call */
  constructor(certificate: ServerCertificate, authorities: () => readonly string[]) {
    this.#certificate = certificate;
    this.#authorities = authorities;
  }

  /** The authority that clients have to trust, PEM. */
  get caFile(): string {
    return this.#certificate.caFile;
  }

  /** The same server to clients, which vouches for them by other authorities. */
  withAuthorities(authorities: () => readonly string[]): ServerTls {
    return new ServerTls(this.#certificate, authorities);
  }

  /** @param makeServer makes the server, which from then on follows the authorities until it is closed */
  create<S extends Server>(makeServer: (options: TlsOptions) => S): S {
    const server = makeServer({
      ...this.#context(),
      requestCert: true,
      rejectUnauthorized: false,
      // A server's own context would forget `allowPartialTrustChain`; it is for clients that call no name.
      SNICallback: (_name, done) => done(null, createSecureContext(this.#context())),
    });
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    return server;
  }

  /** The authorities have changed; it counts for handshakes from now on. */
  renew(): void {
    for (const server of this.#servers) server.setSecureContext(this.#context());
  }

  #context(): SecureContextOptions {
    return {
      key: this.#certificate.privateKeyPem,
      cert: this.#certificate.certificatePem,
      // With an empty list nobody vouches for anybody; without a list the authorities of the web would.
      ca: [...this.#authorities()],
      // The authority that an operator registers may itself be below another one.
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
      // A resumed session has no chain to look at.
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
  }
}
