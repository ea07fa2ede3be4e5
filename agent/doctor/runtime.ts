import type { Paths } from '../../collectors/kernel/paths.js';
import { sizeText } from '../status/duration-text.js';
import { cgroupLimit } from './cgroup-limit.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';
import { readText } from './read-text.js';

/** `engines` of package.json: what the bundle is built for. */
const leastNode = [20, 19] as const;
/** MemoryMax= of the unit, of which the agent uses a third in the ordinary way. */
const usualLimitBytes = 256 * 1024 * 1024;
/** What a starting agent takes before it has collected anything, and as much again for the first snapshots. */
const leastBytes = 128 * 1024 * 1024;

export interface RuntimeOptions {
  readonly paths: Paths;
  /** Of the agent where it runs, otherwise of this process. */
  readonly pid: number;
  readonly isAgent: boolean;
  /** `process.version`, `process.arch`; of the runtime that runs doctor, which is that of the agent in the packages. */
  readonly nodeVersion: string;
  readonly architecture: string;
}

/** What the agent runs on, and how much of it. */
export function checkRuntime(options: RuntimeOptions): readonly Finding[] {
  return [nodeFinding(options), memoryFinding(options)];
}

function nodeFinding({ architecture, nodeVersion }: RuntimeOptions): Finding {
  const [, major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(nodeVersion)?.map(Number) ?? [];
  const [leastMajor, leastMinor] = leastNode;
  const found = `Node ${nodeVersion} for ${architecture}`;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? ok('runtime', found)
    : mend(
        'runtime',
        `${found} is older than ${leastMajor}.${leastMinor}, which the agent needs`,
        'install the package iot-security-agent-node, or a newer Node',
      );
}

function memoryFinding({ isAgent, paths, pid }: RuntimeOptions): Finding {
  const text = readText(`${paths.procRoot}/meminfo`) ?? '';
  const bytesOf = (name: string): number | undefined => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  };
  const [total, available] = [bytesOf('MemTotal'), bytesOf('MemAvailable')];
  if (total === undefined || available === undefined) {
    return unknown('memory', `${paths.procRoot}/meminfo does not tell the memory of the device`);
  }
  const limit = cgroupLimit(paths, pid);
  const whose = isAgent ? 'the agent' : 'this process';
  const may =
    limit === undefined
      ? `no control group limits ${whose}`
      : `${whose} may take ${sizeText(limit.bytes)} of it (${limit.group})`;
  const found = `${sizeText(available)} of ${sizeText(total)} are free, and ${may}`;
  if (isAgent && limit !== undefined && limit.bytes < leastBytes) {
    return mend(
      'memory',
      `${found}, which is too little for the agent`,
      `raise MemoryMax= of the unit, or the limit of the container, to ${sizeText(usualLimitBytes)}`,
    );
  }
  // An agent that runs has what it needs already.
  return !isAgent && available < leastBytes
    ? note('memory', found, `the agent needs ${sizeText(leastBytes)}: make room`)
    : ok('memory', found);
}
