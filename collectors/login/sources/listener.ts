import type { ReportLoss } from '../../../base/loss.js';
import type { SourceState } from '../../kernel/source-state.js';
import type { LoginFacts } from './facts.js';

export interface LoginListener {
  readonly onLogin: (facts: LoginFacts) => void;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The source ended for good. */
  readonly onFailed: (error: Error) => void;
}

export interface OpenSource {
  end(): Promise<void>;
}
