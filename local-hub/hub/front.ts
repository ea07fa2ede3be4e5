import type { RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import { certificateOf, type ClientCertificate } from './client-certificate.js';
import type { Faults } from './faults.js';
import { HttpFront, type UpgradeListener } from './http-front.js';
import type { ServerTls } from './server-tls.js';
import { TlsListener } from './tls-listener.js';

interface FrontOptions {
  readonly tls: ServerTls;
  readonly faults: Readonly<Pick<Faults, 'silent'>>;
  readonly onMqtt: (stream: Duplex, certificate: ClientCertificate | undefined) => void;
  readonly onRequest: RequestListener;
  readonly onUpgrade: UpgradeListener;
}

/** The ports of the hub on 127.0.0.1: one for MQTT, and one for HTTPS, which is what IoT Hub has on 443. */
export class Front {
  readonly #mqtt: TlsListener;
  readonly #https: TlsListener;

  constructor({ tls, faults, onMqtt, onRequest, onUpgrade }: FrontOptions) {
    const http = new HttpFront(onRequest, onUpgrade);
    this.#mqtt = new TlsListener(tls, (socket) => {
      socket.setNoDelay(true);
      if (faults.silent) return;
      http.takeUnlessMqtt(socket, () => onMqtt(socket, certificateOf(socket)));
    });
    this.#https = new TlsListener(tls, (socket) => {
      if (!faults.silent) http.take(socket);
    });
  }

  /** The ports that are, or were until `stop`, listened on. */
  get ports(): { readonly mqtt: number; readonly https: number } {
    return { mqtt: this.#mqtt.port, https: this.#https.port };
  }

  /** On these ports, or on free ones for 0. Rejects with a sentence when one is taken. */
  async start(mqttPort: number, httpsPort: number): Promise<void> {
    await this.#mqtt.start(mqttPort);
    try {
      await this.#https.start(httpsPort);
    } catch (error) {
      await this.#mqtt.stop();
      throw error;
    }
  }

  dropConnections(how: 'fin' | 'rst'): void {
    for (const listener of [this.#mqtt, this.#https]) listener.dropConnections(how);
  }

  /** Leaves the present connections open, and neither reads nor writes on them any more. */
  freezeConnections(): void {
    for (const listener of [this.#mqtt, this.#https]) listener.freezeConnections();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#mqtt.stop(), this.#https.stop()]);
  }
}
