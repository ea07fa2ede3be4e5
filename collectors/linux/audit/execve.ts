import type { AuditEvent } from './event.js';

/** A program that was started, as the records of one event tell it. */
export interface Execve {
  readonly timeMs: number;
  readonly serial: number;
  /** Every argument; undefined ones (their record was lost) are missing from the end. */
  readonly argv: readonly string[];
  /** Of a script, its interpreter. */
  readonly exe: string | undefined;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number | undefined;
  /** Login uid; undefined when the process descends from no login. */
  readonly auid: number | undefined;
  /** Audit session; undefined likewise. */
  readonly ses: number | undefined;
  readonly tty: string | undefined;
  readonly cwd: string | undefined;
  readonly comm: string | undefined;
  readonly key: string | undefined;
  /** `x86_64`, `i386`, `aarch64`, `arm`, or the hexadecimal AUDIT_ARCH of another. */
  readonly arch: string | undefined;
  /** False when the event lost records, so that arguments may be missing. */
  readonly complete: boolean;
}

/** The started program of an event; undefined if the event is something else, or the call failed. */
export type ReadExecve = (event: AuditEvent) => Execve | undefined;
