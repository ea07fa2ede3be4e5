import { accessSync, constants, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { systemClock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import { isUnavailable } from '../../base/unavailable.js';
import { openAuditControl } from '../../collectors/kernel/audit/control.js';
import type { AuditStatus } from '../../collectors/kernel/audit/status.js';
import { loadLibc, type Libc } from '../../collectors/kernel/libc.js';
import { ProcConnector } from '../../collectors/kernel/processes/proc-connector.js';
import { KernelReader } from '../../collectors/kernel/reader.js';
import { findInstances } from '../../collectors/kernel/trace/trace-setup.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { agentUnit, openSystemdManager } from '../supervisor/systemd-manager.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

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
const enoughBacklog = 8192;

/**
 * What the kernel and the service manager offer. Nothing is changed.
 * @param answer of the agent that was asked for its status
 */
export async function checkHost(answer: StatusDocument | Unanswered): Promise<readonly Finding[]> {
  const { finding: agent, pid } = runningAgent(answer);
  return [
    ...(await kernelFindings()),
    tracefsFinding(),
    capabilityFinding(pid),
    await unitFinding(),
    agent,
  ];
}

async function kernelFindings(): Promise<readonly Finding[]> {
  const libc = await loadLibc();
  if (isUnavailable(libc)) return [mend(libc.unavailable)];
  const reader = new KernelReader(libc, systemClock);
  try {
    reader.start();
  } catch (error) {
    return [mend(reasonOf(error))];
  }
  try {
    return [...(await auditFindings(libc, reader)), await connectorFinding(libc, reader)];
  } finally {
    await reader.stop();
  }
}

async function auditFindings(libc: Libc, reader: KernelReader): Promise<readonly Finding[]> {
  const control = openAuditControl({
    libc,
    reader,
    clock: systemClock,
    onReplace: () => undefined,
  });
  if (isUnavailable(control)) {
    return [
      note(
        `kernel audit is not there: ${control.unavailable}`,
        'use a kernel with CONFIG_AUDIT; until then short-lived programs are missed',
      ),
    ];
  }
  try {
    const commandLine = readText('/proc/cmdline') ?? '';
    return auditAdvice(await control.status(), commandLine, (pid) =>
      readText(`/proc/${pid}/comm`)?.trim(),
    );
  } catch (error) {
    return [
      unknown(
        `the state of kernel audit may not be read: ${reasonOf(error)}`,
        'run doctor as root, outside of containers',
      ),
    ];
  } finally {
    control.close();
  }
}

/** What there is to say about the state of audit. */
export function auditAdvice(
  status: AuditStatus,
  kernelCommandLine: string,
  nameOf: (pid: number) => string | undefined,
): readonly Finding[] {
  const { backlogLimit, enabled, lost, ownerPid } = status;
  const owner =
    ownerPid === 0
      ? 'owned by nobody'
      : `owned by ${nameOf(ownerPid) ?? 'a process that ended'} (${ownerPid})`;
  const state = ['off; the agent switches it on', 'on', 'on and locked'][enabled] ?? 'on';
  const findings = [ok(`kernel audit is ${state}, ${owner}`)];
  if (enabled === 2) {
    findings.push(
      note(
        'the rules of audit are locked until the next boot (auditctl -e 2), and the agent cannot add its own',
        'start the agent before the lock, or put its rules into /etc/audit/rules.d',
      ),
    );
  }
  if (!/(^|\s)audit=1(\s|$)/.test(kernelCommandLine)) {
    findings.push(
      note(
        'audit is not on from the boot on, so that programs started before it are not audited',
        'add "audit=1 audit_backlog_limit=8192" to the command line of the kernel',
      ),
    );
  }
  if (lost > 0 && backlogLimit < enoughBacklog) {
    findings.push(
      note(
        `audit has lost ${lost} records since boot, with a backlog limit of ${backlogLimit}`,
        `raise it: auditctl -b ${enoughBacklog}, and audit_backlog_limit=${enoughBacklog} on the command line of the kernel`,
      ),
    );
  }
  return findings;
}

async function connectorFinding(libc: Libc, reader: KernelReader): Promise<Finding> {
  const connector = new ProcConnector({
    libc,
    reader,
    clock: systemClock,
    bootWallMs: () => 0,
    kernelRelease: release(),
  });
  const subscription = await connector.subscribe({
    isFresh: () => false,
    onEvent: () => undefined,
    lose: () => undefined,
    onFailed: () => undefined,
  });
  if (isUnavailable(subscription)) {
    return note(`the proc connector cannot be used: ${subscription.unavailable}`);
  }
  subscription.end();
  return ok('the proc connector tells of processes');
}

function tracefsFinding(): Finding {
  const found = findInstances();
  const asRoot = 'run doctor as root to know';
  if (isUnavailable(found)) {
    return found.closed
      ? unknown(found.unavailable, asRoot)
      : note(found.unavailable, 'until then connections that end within moments may be missed');
  }
  return isWritable(found.path)
    ? ok(`connections can be traced in ${found.path}`)
    : unknown(`${found.path} is closed to user ${process.geteuid?.() ?? '?'}`, asRoot);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Of the agent where it runs, otherwise of this process. */
function capabilityFinding(agentPid: number | undefined): Finding {
  const whose = agentPid === undefined ? 'this process' : `the agent (pid ${agentPid})`;
  const text = readText(`/proc/${agentPid ?? 'self'}/status`) ?? '';
  const bits = /^CapEff:\s*([0-9a-f]+)$/m.exec(text)?.[1];
  if (bits === undefined) return unknown(`the capabilities of ${whose} cannot be read`);
  const held = BigInt(`0x${bits}`);
  const missing = usefulCapabilities.filter(({ bit }) => ((held >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return ok(`${whose} has every capability that the agent can use`);
  const list = missing.map((capability) => `${capability.name} (${capability.for})`).join(', ');
  return note(
    `${whose} lacks ${list}`,
    agentPid === undefined
      ? 'run doctor as root to judge the host; the unit of the package grants them to the agent'
      : 'grant them with AmbientCapabilities= in the unit, where you want what they are for',
  );
}

async function unitFinding(): Promise<Finding> {
  const manager = await openSystemdManager();
  if (isUnavailable(manager))
    return unknown(`the service cannot be looked at: ${manager.unavailable}`);
  const state = manager.state(agentUnit);
  manager.close();
  if (isUnavailable(state)) return unknown(`the service cannot be looked at: ${state.unavailable}`);
  const { active, load, result, sub } = state;
  if (load === 'not-found') return note(`${agentUnit} is not installed`);
  if (active === 'active') return ok(`${agentUnit} is ${active} (${sub})`);
  return mend(
    `${agentUnit} is ${active} (${sub}${result === '' || result === 'success' ? '' : `, ${result}`})`,
    `see why with: journalctl -u ${agentUnit}, then: systemctl restart ${agentUnit}`,
  );
}

function runningAgent(answer: StatusDocument | Unanswered): { finding: Finding; pid?: number } {
  if ('unanswered' in answer) {
    return { finding: (answer.forbidden ? unknown : mend)(answer.unanswered) };
  }
  const { agent, health, problems } = answer;
  const finding =
    health === 'healthy'
      ? ok(`the agent runs (pid ${agent.pid}) and is healthy`)
      : mend(
          `the agent runs (pid ${agent.pid}) and is degraded because ${problems[0]?.sentence ?? 'of something unknown'}`,
          'see everything with: iot-security-agent status',
        );
  return { finding, pid: agent.pid };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
