import type { JsonObject } from '../../../base/json.js';

/** What the test asks of the program inside a virtual machine. */
export type Request =
  | { readonly command: readonly string[]; readonly input?: string }
  /** The status by the path of the agent's socket: to start the command for each look takes the machine seconds. */
  | { readonly status: string }
  | { readonly hub: 'start' | 'twin'; readonly deviceId: string }
  | { readonly hub: 'patch'; readonly deviceId: string; readonly desired: JsonObject }
  | { readonly hub: 'messages'; readonly from: number };

/** `0` is told once at the start. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** A command that ended. */
export interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}
