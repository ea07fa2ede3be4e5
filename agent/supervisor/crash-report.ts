/** What a crash comes to in a log whose entries are single lines. */
interface CrashReport {
  /** The error, and where in the agent it was thrown. */
  readonly headline: string;
  /** The frames of the stack, innermost first; empty for what is no error. */
  readonly frames: readonly string[];
}

/** Nothing of an object that is no error: it may be a whole client of the hub, key included. */
export function reportCrash(crash: unknown): CrashReport {
  if (!(crash instanceof Error)) {
    const headline =
      typeof crash === 'string' ? crash : `a value of type ${typeof crash} was thrown`;
    return { headline, frames: [] };
  }
  const frames = (crash.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
  // Those of Node itself say where it noticed, not what the agent did.
  const ours = frames.find((frame) => !frame.includes('node:')) ?? frames[0];
  const sentence = `${crash.name}: ${crash.message}`;
  return { headline: ours === undefined ? sentence : `${sentence} ${ours}`, frames };
}
