import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import type { ProcessEventSubscriber } from '../../../../collectors/kernel/processes/proc-connector.js';
import type { ProcessEvent } from '../../../../collectors/kernel/processes/proc-connector-messages.js';
import { ProcessTable } from '../../../../collectors/kernel/processes/process-table.js';
import type { EndedProcess } from '../../../../collectors/kernel/processes/processes.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';

const startMs = 1_000_000;
/** The clock that stamps audit events goes in steps. */
const tickMs = 4;
const pids = 6;
/** Kernels give a pid away again only after all others. */
const reusedAfterMs = 60;

interface Told {
  readonly pid: number;
  readonly parentPid: number;
  readonly program: string;
  readonly timeMs: number;
  readonly serial: number;
  /** What the parent may have run: what it ran when the call began, or since. */
  readonly parents: ReadonlySet<string>;
  /** The parent had ended when the call was over. */
  readonly orphaned: boolean;
}

type Step = readonly ['fork' | 'execute' | 'end', number, number, number];

/**
 * What a kernel tells of a history: process events in their order, and one audit event for each execution, which comes
 * after `after` process events.
 */
function play(steps: readonly Step[]) {
  const events: ProcessEvent[] = [];
  const audit: (Told & { readonly after: number })[] = [];
  const living = new Map<number, { parent: number; ran: [number, string][] }>();
  const ends: [number, string][] = [];
  const freedMs = new Map<number, number>();
  living.set(0, { parent: -1, ran: [[startMs, 'first']] });
  let nowMs = startMs;
  let serial = 0;
  for (const [kind, chosen, other, afterUs] of steps) {
    nowMs += afterUs / 1000;
    const one = [...living.keys()][chosen % living.size] ?? 0;
    const process = living.get(one);
    const isFree = !living.has(other) && nowMs - (freedMs.get(other) ?? 0) > reusedAfterMs;
    if (kind === 'fork' && process !== undefined && isFree) {
      living.set(other, { parent: one, ran: [[nowMs, process.ran.at(-1)?.[1] ?? '']] });
      events.push({ kind: 'fork', pid: 100 + other, parentPid: 100 + one, timeMs: nowMs });
    } else if (kind === 'execute' && process !== undefined) {
      const beganMs = nowMs;
      nowMs += 0.3;
      serial++;
      const program = `/bin/${serial}`;
      const parent = living.get(process.parent);
      const coarseMs = Math.floor(beganMs / tickMs) * tickMs;
      const afterMs = Math.max(process.ran.at(-1)?.[0] ?? 0, coarseMs - 2);
      const parents = parent?.ran.filter(
        ([sinceMs], index, all) => sinceMs <= nowMs && (all[index + 1]?.[0] ?? nowMs) > afterMs,
      );
      process.ran.push([nowMs, program]);
      events.push({ kind: 'exec', pid: 100 + one, timeMs: nowMs });
      audit.push({
        pid: 100 + one,
        parentPid: parent === undefined ? 1 : 100 + process.parent,
        program,
        timeMs: coarseMs,
        serial,
        parents: new Set(parents?.map(([, name]) => name)),
        orphaned: parent === undefined,
        after: events.length,
      });
    } else if (kind === 'end' && process !== undefined && one !== 0) {
      living.delete(one);
      freedMs.set(one, nowMs);
      for (const child of living.values()) if (child.parent === one) child.parent = -1;
      ends.push([100 + one, process.ran.at(-1)?.[1] ?? '']);
      const timeMs = nowMs;
      events.push({ kind: 'exit', pid: 100 + one, exitCode: 0, signal: 0, timeMs });
    }
  }
  return { events, audit, ends };
}

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('fork', 'fork', 'execute', 'execute', 'end'),
  fc.nat(pids - 1),
  fc.nat(pids - 1),
  fc.integer({ min: 50, max: 9000 }),
);

describe('the history of processes', () => {
  it('answers as of the moment, however late audit and the process events are read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 80 }),
        fc.array(fc.nat(4), { minLength: 200, maxLength: 200 }),
        async (steps, reads) => {
          const { audit, ends, events } = play(steps);
          let subscriber: ProcessEventSubscriber | undefined;
          let read = 0;
          const delays = reads.values();
          /** So much has happened in the kernel. */
          let happened = 0;
          const readOne = (): void => {
            const event = events[read++];
            if (event !== undefined) subscriber?.onEvent(event);
          };
          const table = new ProcessTable({
            paths: pathsUnder('/nonexistent'),
            clock: new FakeClock(startMs),
            uptimeMs: () => 0,
            events: {
              subscribe: (given) => {
                subscriber = given;
                return Promise.resolve({ end: () => undefined });
              },
              catchUp: () => {
                while (read < happened) readOne();
              },
              nowMs: () => startMs,
            },
          });
          const ended: EndedProcess[] = [];
          const following = await table.follow({
            onEnd: (process) => ended.push(process),
            onFailed: () => undefined,
          });
          if (isUnavailable(following)) throw new Error(following.unavailable);
          const feed = table.feed();
          // The first of all has the pid 100.
          feed.executed(100, 1, { executable: 'first' }, startMs - 100, 0);
          subscriber?.onEvent({ kind: 'exec', pid: 100, timeMs: startMs - 99 });
          for (const one of audit) {
            const ahead = delays.next().value ?? 0;
            happened = Math.min(events.length, Math.max(happened, one.after + ahead));
            const most = delays.next().value ?? 0;
            for (let count = 0; count < most && read < happened; count++) readOne();
            const { pid, program, timeMs, serial, orphaned, parents } = one;
            const facts = { executable: program };
            const forkedBy = feed.executed(pid, one.parentPid, facts, timeMs, serial);
            expect(table.of(pid, timeMs, { pid, serial: serial + 1 })?.executable).toBe(program);
            if (orphaned) continue;
            const parent = table.of(one.parentPid, timeMs, { pid, serial });
            expect(parents).toContain(parent?.executable);
            expect(forkedBy).toBe(one.parentPid);
          }
          while (read < events.length) readOne();
          expect(ended.map(({ pid, program }) => [pid, program()?.executable])).toEqual(ends);
        },
      ),
      { numRuns: 300 },
    );
  });
});
