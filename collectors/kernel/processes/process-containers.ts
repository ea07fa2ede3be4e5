import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Container, containerOf } from './container.js';
import type { PresentProcesses } from './present-processes.js';
import type { Execution, ProcessRecord, ProgramFacts } from './process-record.js';

/**
 * Programs that put what they fork into the groups of a container before it executes something else. With a prefix, for
 * the engine of balena has all of Docker's under its own names.
 */
const runtimes =
  /^(?:balena-engine-)?(?:runc|crun|youki|runsc|containerd(?:-shim[a-z0-9-]*)?|dockerd|balenad|podman|buildah|conmon(?:rs)?|crio|lxc-(?:start|execute|attach)|lxd|incusd|systemd-nspawn)$/;

const mostKept = 256;

/**
 * In which container each process is.
 *
 * 1. A child is where its parent is. Nothing is read for it, and it is known of one that is gone at once, too.
 * 2. Only a runtime of containers moves what it forked. Where one is the program before, or forked what leads to it, the
 *    process is looked at when it executes. What it cannot be asked any more is not known then, instead of inherited.
 * 3. What is in the container that a runtime put it into is under that runtime no more.
 * 4. Processes of one container share what is remembered of it; of more than 256 containers some have it twice.
 */
export class ProcessContainers {
  private readonly kept = new Map<string, Container>();

  constructor(private readonly present: PresentProcesses) {}

  forked(record: ProcessRecord, parent: ProcessRecord): void {
    record.container = parent.container;
    record.underRuntime = parent.underRuntime || isRuntime(parent.announced.program.facts);
  }

  /** May be called again when more is known of what ran before. */
  executed(record: ProcessRecord, execution: Execution): void {
    if (record.placedAt === execution) return;
    const before = record.executions[record.executions.indexOf(execution) - 1];
    const byRuntime = record.underRuntime || isRuntime(before?.program.facts);
    if (!byRuntime && record.container !== undefined) return;
    record.placedAt = execution;
    const outside = record.container;
    const ended = record.endedMs !== undefined;
    const found = ended ? undefined : this.read(record);
    record.container = found;
    record.underRuntime = byRuntime && !(found != null && found.id !== outside?.id);
  }

  /** Asks anew, for a process of which news may have been lost; what is known of one that is gone stays. */
  look(record: ProcessRecord): void {
    const found = record.endedMs === undefined ? this.read(record) : undefined;
    if (found !== undefined) record.container = found;
  }

  /** Null when it is in none, undefined when that is not known. */
  of(record: ProcessRecord): Container | null | undefined {
    // A runtime may have moved what goes on with its program.
    const mayBeMoved = record.underRuntime && record.placedAt === undefined;
    if (record.container !== undefined && !mayBeMoved) return record.container;
    return record.endedMs === undefined ? this.read(record) : undefined;
  }

  private read(record: ProcessRecord): Container | null | undefined {
    const groups = this.present.controlGroups(record.pid, record.startedMs);
    if (groups === undefined) return undefined;
    const container = containerOf(groups.text);
    // In the groups of version 1 the kernel shows what is ending at the root.
    if (container === undefined) return groups.ending ? undefined : null;
    const known = this.kept.get(container.id);
    if (known !== undefined && isDeepStrictEqual(known, container)) return known;
    if (this.kept.size >= mostKept) this.kept.clear();
    this.kept.set(container.id, container);
    return container;
  }
}

/** By the file or, where that has no name (runc executes a copy of itself), by the name it is called by. */
function isRuntime(facts: ProgramFacts | undefined): boolean {
  const names = [facts?.executable, facts?.argv?.[0]];
  return names.some((path) => path !== undefined && runtimes.test(posix.basename(path)));
}
