import type { SnapshotCollector } from '../interface/collector.js';
import { baselineChecks } from './checks/index.js';
import { HostFiles } from './facts/host-files.js';
import { toPayloads } from './payloads.js';
import { countsOf, runBaseline } from './run-baseline.js';

/** How far the device is from a secure configuration: each check that failed, or that could not be made. */
export const osBaseline: SnapshotCollector<'OSBaseline'> = {
  kind: 'snapshot',
  name: 'OSBaseline',
  async collect({ host, signal, setSource }) {
    const files = await HostFiles.open({ paths: host.paths, signal });
    const outcomes = await runBaseline(baselineChecks, { host, files, signal });
    setSource({
      source: 'files',
      counters: { ...countsOf(outcomes) },
      ...(files.limitation !== undefined && { limitation: files.limitation }),
    });
    return toPayloads(outcomes);
  },
};
