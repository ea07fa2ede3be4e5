import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { IssuedCertificate } from '../../local-hub/hub/certificates.js';

export interface HttpsQuestion {
  readonly method?: string;
  readonly port: number;
  readonly caFile: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** Shown in the handshake. */
  readonly certificate?: IssuedCertificate | undefined;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of JSON. */
  readonly body: unknown;
}

/** One request to `localhost` over TLS, on a connection of its own; rejects when there is no answer. */
export async function askHttps(question: HttpsQuestion): Promise<HttpsAnswer> {
  const { method = 'GET', port, path, headers = {}, body = '', certificate } = question;
  return new Promise((resolve, reject) => {
    const options = {
      host: 'localhost',
      port,
      path,
      method,
      headers,
      agent: false,
      ca: readFileSync(question.caFile),
      ...(certificate && { cert: certificate.certificatePem, key: certificate.privateKeyPem }),
    };
    request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0 } = response;
        const parsed: unknown = text === '' ? undefined : JSON.parse(text);
        resolve({ status, headers: response.headers, body: parsed });
      });
    })
      .once('error', reject)
      .end(body);
  });
}
