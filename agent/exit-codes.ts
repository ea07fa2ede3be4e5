/** What the process tells its supervisor, see sysexits.h; systemd must not restart on the last two. */
export const exitCodes = {
  stopped: 0,
  crashed: 1,
  /** The state directory or a credential cannot be read. */
  noPermission: 77,
  /** The configuration cannot be used. */
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with one sentence for the operator instead of a stack trace. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}
