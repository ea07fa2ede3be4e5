import type { ReportLoss } from '../../../base/loss.js';
import type { SourceState } from '../../kernel/source-state.js';
import type { Connection } from './facts.js';

export interface ConnectionListener {
  readonly onConnection: (connection: Connection) => void;
  /** A connection could not be made. */
  readonly onFailedConnect: () => void;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The source ended for good. */
  readonly onFailed: (error: Error) => void;
}

export interface OpenSource {
  end(): Promise<void>;
}
