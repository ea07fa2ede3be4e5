import type { FactContext, SubjectReader } from './fact-reader.js';
import { found, unreadable } from './reading.js';

/** A process of the device, as /proc shows it to the agent. */
export interface RunningProcess {
  readonly pid: number;
  /** The first 15 bytes of the program's name; a process can set it to anything. */
  readonly name: string;
  /** Of the programs in `programsWithArguments` alone: command lines hold secrets. */
  readonly args?: readonly string[];
  /** Of a process in a pid namespace of its own; absent for the device's own ones. */
  readonly contained?: ContainedProcess;
}

/** What sets a process of a container apart. */
export interface ContainedProcess {
  /** The first of its namespace: the one that the container was started for. */
  readonly first: boolean;
  /** Whether it has every capability that the kernel knows. */
  readonly allCapabilities: boolean;
  /** Whether its root is an ordinary user outside (user_namespaces(7)); undefined where that cannot be seen. */
  readonly ownUsers: boolean | undefined;
  /** Whether it is in the network namespace of the device; undefined where that cannot be seen. */
  readonly hostNetwork: boolean | undefined;
}

export const programsWithArguments: ReadonlySet<string> = new Set(['dockerd', 'agetty', 'getty']);

/** A status takes 1.5 KB. */
const longestStatusBytes = 16_384;
const longestArgumentsBytes = 8192;

interface Status {
  readonly name: string;
  /** Its pid in each pid namespace, from the outermost that is seen to its own. */
  readonly namespacePids: readonly number[];
  readonly effective: bigint;
}

/** /proc/PID/status (proc_pid_status(5)); undefined where it has no name. */
export function parseStatus(text: string): Status | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(text)?.[1];
  const name = field('Name');
  if (name === undefined || name === '') return undefined;
  const effective = /^[0-9a-f]{1,16}$/.exec(field('CapEff') ?? '')?.[0] ?? '0';
  const pids = (field('NSpid') ?? '').split(/\s+/).filter((pid) => /^\d{1,10}$/.test(pid));
  return { name, namespacePids: pids.map(Number), effective: BigInt(`0x${effective}`) };
}

/** Every process but threads of the kernel's own making, which have no program and do no harm here. */
export const readProcesses: SubjectReader<readonly RunningProcess[]> = async (context) => {
  const { files } = context;
  const names = await files.names('/proc');
  if (!('value' in names)) return 'unreadable' in names ? names : unreadable(names.absent);
  if (!('value' in (await files.text('/proc/1/status', longestStatusBytes))))
    context.limit(
      'Processes of other users are hidden from this one (hidepid): what they run is not known.',
    );
  const everyCapability = await capabilitiesOf(context);
  const users = await files.text('/proc/1/uid_map', 4096);
  const network = await files.target('/proc/1/ns/net');
  const processes: RunningProcess[] = [];
  for (const pid of names.value.filter((name) => /^[1-9]\d{0,9}$/.test(name))) {
    const text = await files.text(`/proc/${pid}/status`, longestStatusBytes);
    const status = 'value' in text ? parseStatus(text.value) : undefined;
    if (status === undefined) continue;
    const args = programsWithArguments.has(status.name) ? await argsOf(pid, context) : undefined;
    const process = { pid: Number(pid), name: status.name, ...(args && { args }) };
    if (status.namespacePids.length < 2) {
      processes.push(process);
      continue;
    }
    const ownUsers = differs(users, await files.text(`/proc/${pid}/uid_map`, 4096));
    const ownNetwork = differs(network, await files.target(`/proc/${pid}/ns/net`));
    processes.push({
      ...process,
      contained: {
        first: status.namespacePids.at(-1) === 1,
        allCapabilities:
          everyCapability !== undefined && (status.effective & everyCapability) === everyCapability,
        ownUsers,
        hostNetwork: ownNetwork === undefined ? undefined : !ownNetwork,
      },
    });
  }
  return found(processes);
};

async function capabilitiesOf({ files }: FactContext): Promise<bigint | undefined> {
  const last = await files.text('/proc/sys/kernel/cap_last_cap', 64);
  if (!('value' in last) || !/^\d{1,2}\n?$/.test(last.value)) return undefined;
  return (1n << BigInt(Number(last.value) + 1)) - 1n;
}

async function argsOf(pid: string, { files }: FactContext): Promise<readonly string[]> {
  const line = await files.text(`/proc/${pid}/cmdline`, longestArgumentsBytes);
  return 'value' in line ? line.value.replace(/\0$/, '').split('\0') : [];
}

function differs(
  one: Awaited<ReturnType<FactContext['files']['text']>>,
  other: typeof one,
): boolean | undefined {
  return 'value' in one && 'value' in other ? one.value !== other.value : undefined;
}

/** The first of `programs` that runs on the device itself, not in a container; undefined where none does. */
export function running(
  processes: readonly RunningProcess[],
  programs: readonly string[],
): string | undefined {
  const names = new Set(programs.map((program) => program.slice(0, 15)));
  return processes.find(({ name, contained }) => contained === undefined && names.has(name))?.name;
}
