import type { ClientRequest, IncomingMessage } from 'node:http';
import { isJsonObject, parseJson, type JsonObject } from '../../../base/json.js';

/** What the services answer has a few hundred bytes; a list of trusted certificates the most. */
const longestBodyBytes = 256 * 1024;

/** One answer of an HTTP service. The body may hold a secret: it goes into no log and no error. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** What the server says the time is, milliseconds since the epoch; undefined where it does not say it. */
  readonly dateMs: number | undefined;
  /** How long the server wants to be left alone, from `Retry-After` in seconds; undefined where it does not say it. */
  readonly retryAfterMs: number | undefined;
}

/** An answer that cannot be taken; `message` completes "it …". */
export class AnswerFault extends Error {
  override readonly name = 'AnswerFault';
}

/** Sends the request with its body and reads the answer, of which no more than 256 KB are taken. */
export function exchange(request: ClientRequest, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(error);
      request.destroy();
    };
    request.on('error', fail);
    request.once('response', (response) => {
      read(response).then((answer) => {
        resolve(answer);
        request.destroy();
      }, fail);
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestBodyBytes) {
      throw new AnswerFault(`answered with more than ${longestBodyBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const { date, 'retry-after': retryAfter } = response.headers;
  const dateMs = Date.parse(date ?? '');
  return {
    status: response.statusCode ?? 0,
    body: Buffer.concat(chunks).toString('utf8'),
    dateMs: Number.isNaN(dateMs) ? undefined : dateMs,
    retryAfterMs: /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : undefined,
  };
}

/** The body as a JSON object; undefined when it is none. */
export function jsonBody({ body }: Answer): JsonObject | undefined {
  try {
    const value = parseJson(body);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The member of an object that is a text of 1 to `longest` characters; undefined for everything else. */
export function textIn(object: unknown, key: string, longest = 4096): string | undefined {
  const value = isJsonObject(object) ? object[key] : undefined;
  return typeof value === 'string' && value !== '' && value.length <= longest ? value : undefined;
}
