import type { SnapshotCollector } from '../interface/collector.js';
import { baselineChecks } from './checks/index.js';
import { loadCustomChecks } from './custom/load-checks.js';
import { toPayloads } from './payloads.js';
import { countsOf, runBaseline } from './run-baseline.js';

/** How far the device is from a secure configuration: each check that failed, or that could not be made. */
export const osBaseline: SnapshotCollector<'OSBaseline'> = {
  kind: 'snapshot',
  name: 'OSBaseline',
  async collect({ host, signal, setSource }) {
    const { outcomes, limitations } = await runBaseline(baselineChecks, {
      host,
      signal,
      custom: (files) => loadCustomChecks(host.twin.current, files),
    });
    setSource({
      source: 'files',
      counters: { ...countsOf(outcomes) },
      ...(limitations.length > 0 && { limitation: limitations.join(' ') }),
    });
    return toPayloads(outcomes, host.clock.wallMs());
  },
};
