import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject, type JsonObject } from '../../base/json.js';

/** What a service answers; an absent body is none. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
}

/** A request, read to its end. */
export interface ServiceRequest {
  readonly method: string;
  /** Its parts between the slashes, decoded. */
  readonly path: readonly string[];
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingMessage['headers'];
  readonly socket: IncomingMessage['socket'];
  /** The body as an object of JSON; undefined when it is not one. */
  readonly body: JsonObject | undefined;
}

/** No request of these services needs more. */
const mostBodyBytes = 64 * 1024;

function decoded(parts: readonly string[]): readonly string[] | undefined {
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Undefined when it is too long, or the client left before its end. */
async function bodyText(request: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes > mostBodyBytes) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined; // there is nobody left to answer
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined when the request cannot be read: its path is not UTF-8, its body is too long, or it did not come whole. */
export async function readRequest(request: IncomingMessage): Promise<ServiceRequest | undefined> {
  const { method = '', url = '', headers, socket } = request;
  const text = await bodyText(request);
  if (text === undefined) return undefined;
  const [pathText = '', query = ''] = url.split('?');
  const path = decoded(pathText.split('/').slice(1));
  if (path === undefined) return undefined;
  return {
    method,
    path,
    query: new Map(new URLSearchParams(query)),
    headers,
    socket,
    body: objectIn(text),
  };
}

export function send(response: ServerResponse, { status, headers, body }: ServiceAnswer): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...type, ...headers }).end(text);
}
