/** What the process tells its supervisor, see sysexits.h; systemd must not restart on the last two. */
export const exitCodes = {
  stopped: 0,
  crashed: 1,
  /** Another agent uses the state directory; it may end. */
  inUse: 75,
  /** The state directory or a credential cannot be read. */
  noPermission: 77,
  /** The configuration cannot be used. */
  configuration: 78,
} as const;

/** For the reference. */
export const exitMeanings = {
  [exitCodes.stopped]: 'It did what it was asked to, or was stopped as asked.',
  [exitCodes.crashed]: 'It crashed, or could not do all of it.',
  [exitCodes.inUse]: 'Another agent uses the state directory.',
  [exitCodes.noPermission]: 'The state directory or a credential cannot be read.',
  [exitCodes.configuration]: 'The configuration or the command line cannot be used.',
} as const satisfies Record<ExitCode, string>;

/** What `status` ends with, for a monitor. */
export const statusExitCodes = { healthy: 0, degraded: 1, notRunning: 2 } as const;

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
