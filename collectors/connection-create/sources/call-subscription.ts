import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Told } from '../../interface/source.js';
import { readSocketCall, socketCallRules } from '../../kernel/audit/socket-call.js';
import type { SourceState } from '../../kernel/source-state.js';
import type { ConnectionFacts } from './facts.js';
import type { ConnectionTracking } from './tracking.js';

/** The socket calls of the device, as audit records them. */
export function subscribeCalls(
  host: Host,
  told: Told<ConnectionFacts>,
  taker: Pick<ConnectionTracking, 'takeCall'>,
  onState: (state: SourceState) => void,
): Promise<OpenSource | Unavailable> {
  return host.audit.subscribe({
    name: 'ConnectionCreate',
    rules: socketCallRules,
    onEvent: (event) => {
      const call = readSocketCall(event);
      if (call === undefined) return;
      if (call.addressLost !== undefined) told.lose(call.addressLost, 1);
      taker.takeCall(call);
    },
    lose: told.lose,
    onState,
    onFailed: told.onFailed,
  });
}
