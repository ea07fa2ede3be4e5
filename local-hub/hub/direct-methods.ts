import { randomUUID } from 'node:crypto';
import type { JsonValue } from '../../base/json.js';

/** What the caller of a direct method gets. */
export interface MethodResult {
  /** The device's own, or 404 when it is not connected or takes no methods, or 504 when it did not answer. */
  readonly status: number;
  /** UTF-8 text, mostly JSON. */
  readonly body: string;
}

const notOnline: MethodResult = {
  status: 404,
  body: '{"errorCode":404103,"message":"the device is not online, or takes no methods"}',
};

/** Calls that wait for the answer of a device. */
export class DirectMethods {
  readonly #waiting = new Map<string, (result: MethodResult) => void>();

  /** @param publish hands the request to the device, and says whether it takes any */
  async call(
    name: string,
    payload: JsonValue,
    timeoutMs: number,
    publish: (topic: string, body: string) => boolean,
  ): Promise<MethodResult> {
    const requestId = randomUUID();
    return new Promise((resolve) => {
      const end = (result: MethodResult): void => {
        clearTimeout(timer);
        this.#waiting.delete(requestId);
        resolve(result);
      };
      const timer = setTimeout(() => end({ status: 504, body: '' }), timeoutMs);
      this.#waiting.set(requestId, end);
      const topic = `$iothub/methods/POST/${name}/?$rid=${requestId}`;
      if (!publish(topic, JSON.stringify(payload))) end(notOnline);
    });
  }

  answered(requestId: string, status: number, body: string): void {
    this.#waiting.get(requestId)?.({ status, body });
  }
}
