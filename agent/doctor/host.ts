import { systemClock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import { isUnavailable } from '../../base/unavailable.js';
import { loadLibc } from '../../collectors/kernel/libc.js';
import { hostPaths, type Paths } from '../../collectors/kernel/paths.js';
import { KernelReader } from '../../collectors/kernel/reader.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { agentUnit, openSystemdManager } from '../supervisor/systemd-manager.js';
import { auditFindings } from './audit.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';
import { checkInventory } from './inventory.js';
import { checkKernel, connectorFinding, tracefsFinding } from './kernel.js';
import { readText } from './read-text.js';
import { rulesFinding } from './rules.js';
import { checkRuntime } from './runtime.js';

/** Every right the agent can use, by its bit (`linux/capability.h`), with what it cannot see without. */
const usefulCapabilities: readonly {
  readonly bit: number;
  readonly name: string;
  readonly for: string;
}[] = [
  { bit: 2, name: 'CAP_DAC_READ_SEARCH', for: 'files that only root can read' },
  { bit: 12, name: 'CAP_NET_ADMIN', for: 'ends of processes, from the proc connector' },
  { bit: 19, name: 'CAP_SYS_PTRACE', for: 'programs and sockets of other users' },
  { bit: 30, name: 'CAP_AUDIT_CONTROL', for: 'setting audit up' },
  { bit: 37, name: 'CAP_AUDIT_READ', for: 'reading audit' },
];

interface HostCheckOptions {
  /** Of the agent that was asked for its status. */
  readonly answer: StatusDocument | Unanswered;
  readonly inventoryDirectory: string;
  readonly paths?: Paths;
}

/** What the runtime, the kernel and the service manager offer. Nothing is changed. */
export async function checkHost(options: HostCheckOptions): Promise<readonly Finding[]> {
  const { answer, inventoryDirectory, paths = hostPaths } = options;
  const agentPid = 'agent' in answer ? answer.agent.pid : undefined;
  return [
    ...checkRuntime({
      paths,
      pid: agentPid ?? process.pid,
      isAgent: agentPid !== undefined,
      nodeVersion: process.version,
      architecture: process.arch,
    }),
    ...checkKernel(paths),
    ...(await kernelFindings()),
    tracefsFinding(),
    capabilityFinding(paths, agentPid),
    checkInventory(inventoryDirectory),
    await unitFinding(),
    rulesFinding(answer),
    agentFinding(answer),
  ];
}

async function kernelFindings(): Promise<readonly Finding[]> {
  const libc = await loadLibc();
  if (isUnavailable(libc)) return [mend('audit', libc.unavailable)];
  const reader = new KernelReader(libc, systemClock);
  try {
    reader.start();
  } catch (error) {
    return [mend('audit', reasonOf(error))];
  }
  try {
    return [...(await auditFindings(libc, reader)), await connectorFinding(libc, reader)];
  } finally {
    await reader.stop();
  }
}

/** Of the agent where it runs, otherwise of this process. */
export function capabilityFinding(paths: Paths, agentPid: number | undefined): Finding {
  const whose = agentPid === undefined ? 'this process' : `the agent (pid ${agentPid})`;
  const text = readText(`${paths.procRoot}/${agentPid ?? 'self'}/status`) ?? '';
  const bits = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(text)?.[1];
  if (bits === undefined)
    return unknown('capabilities', `the capabilities of ${whose} cannot be read`);
  const held = BigInt(`0x${bits}`);
  const missing = usefulCapabilities.filter(({ bit }) => ((held >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0)
    return ok('capabilities', `${whose} has every capability that the agent can use`);
  const list = missing.map((capability) => `${capability.name} (${capability.for})`).join(', ');
  return note(
    'capabilities',
    `${whose} lacks ${list}`,
    agentPid === undefined
      ? 'run doctor as root to judge the host; the unit of the package grants them to the agent'
      : 'grant them with AmbientCapabilities= in the unit, where you want what they are for',
  );
}

async function unitFinding(): Promise<Finding> {
  const manager = await openSystemdManager();
  if (isUnavailable(manager))
    return unknown('unit', `the service cannot be looked at: ${manager.unavailable}`);
  const state = manager.state(agentUnit);
  manager.close();
  if (isUnavailable(state))
    return unknown('unit', `the service cannot be looked at: ${state.unavailable}`);
  const { active, load, result, sub } = state;
  if (load === 'not-found') return note('unit', `${agentUnit} is not installed`);
  if (active === 'active') return ok('unit', `${agentUnit} is ${active} (${sub})`);
  return mend(
    'unit',
    `${agentUnit} is ${active} (${sub}${result === '' || result === 'success' ? '' : `, ${result}`})`,
    `see why with: journalctl -u ${agentUnit}, then: systemctl restart ${agentUnit}`,
  );
}

/** How the agent says it is. */
export function agentFinding(answer: StatusDocument | Unanswered): Finding {
  if ('unanswered' in answer) {
    return (answer.forbidden ? unknown : mend)('agent', answer.unanswered);
  }
  const { agent, health, problems } = answer;
  return health === 'healthy'
    ? ok('agent', `the agent runs (pid ${agent.pid}, version ${agent.version}) and is healthy`)
    : mend(
        'agent',
        `the agent runs (pid ${agent.pid}, version ${agent.version}) and is degraded because ${problems[0]?.sentence ?? 'of something unknown'}`,
        'see everything with: iot-security-agent status',
      );
}
