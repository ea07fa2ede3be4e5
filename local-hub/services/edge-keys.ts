import { createHmac, randomUUID } from 'node:crypto';
import { isJsonObject } from '../../base/json.js';
import type { ServiceRequest } from './http-service.js';
import { bodyOf, bytesOf, ServiceRefusal } from './unix-service.js';

/**
 * The keys service of a device: others sign with its keys and never see them. Symmetric keys only: a handle of another key
 * is given out, but signs nothing here.
 */
export class EdgeKeys {
  /** Keys in base64, by their handles. */
  readonly #keys = new Map<string, string>();

  /** @returns a handle, good until the service restarts */
  handleOf(key: string): string {
    for (const [handle, known] of this.#keys) {
      if (known === key) return handle;
    }
    const handle = newHandle();
    this.#keys.set(handle, key);
    return handle;
  }

  /** Handles from before mean nothing after a restart. */
  restart(): void {
    this.#keys.clear();
  }

  /** `POST /sign`. */
  answer(request: ServiceRequest): object {
    if (request.method !== 'POST' || request.path.join('/') !== 'sign') {
      throw new ServiceRefusal(404, 'not found');
    }
    const { keyHandle, algorithm, parameters } = bodyOf(request);
    const key = typeof keyHandle === 'string' ? this.#keys.get(keyHandle) : undefined;
    if (key === undefined) {
      throw new ServiceRefusal(400, 'parameter "handle" has an invalid value');
    }
    if (algorithm !== 'HMAC-SHA256') {
      throw new ServiceRefusal(400, 'parameter "algorithm" has an invalid value');
    }
    const given = isJsonObject(parameters) ? parameters : {};
    return { signature: hmac(key, bytesOf(given['message'], 'message')) };
  }
}

/** Says nothing of what it stands for. */
export const newHandle = (): string => `sr=${randomUUID()}&si=${randomUUID()}`;

/** HMAC-SHA256 in base64, by a key in base64. */
export function hmac(key: string, message: Buffer): string {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(message).digest('base64');
}
