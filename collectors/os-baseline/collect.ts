import type { Payload } from '../../contract/events.js';
import type { SnapshotContext } from '../interface/collector.js';
import { baselineChecks } from './checks/index.js';
import { selfTest } from './checks/self-test.js';
import { loadCustomChecks } from './custom/load-checks.js';
import { toPayloads } from './payloads.js';
import { countsOf, runBaseline } from './run-baseline.js';

/** Makes all checks, and tells those that failed or could not be made. */
export async function collect({
  host,
  signal,
  setSource,
}: SnapshotContext): Promise<Payload<'OSBaseline'>[]> {
  const settings = host.twin.current;
  const run = await runBaseline([...baselineChecks, selfTest], {
    host,
    signal,
    custom: (files) => loadCustomChecks(settings, files),
    off: settings,
  });
  const { disabled, limitations } = run;
  const outcomes = run.outcomes.filter(
    ({ check, verdict }) => check !== selfTest || verdict.result === 'fail',
  );
  setSource({
    source: 'files',
    counters: { ...countsOf(outcomes), ...(disabled > 0 && { disabled }) },
    ...(limitations.length > 0 && { limitation: limitations.join(' ') }),
  });
  return toPayloads(outcomes, host.clock.wallMs(), disabled);
}
