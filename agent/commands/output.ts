import { hasCode, plainReason } from '../../base/errors.js';

interface Output {
  /** The sentence that tells why what was written did not arrive; undefined when it did, or when nobody wanted more. */
  failure(): string | undefined;
}

/**
 * Keeps a standard stream that cannot be written from ending the process with a stack, whichever command writes to it:
 * its event `error` is thrown when nobody listens (Node, "error" of streams). It comes a turn after the callback of the
 * write that failed.
 */
export function guardOutput(stream: NodeJS.WritableStream): Output {
  let failed: unknown;
  stream.on('error', (error: Error) => {
    failed ??= error;
  });
  return {
    failure() {
      // EPIPE: whoever read it, for example head(1), has what it wanted.
      if (failed === undefined || hasCode(failed, 'EPIPE')) return undefined;
      return `The output cannot be written: ${plainReason(failed)}.`;
    },
  };
}
