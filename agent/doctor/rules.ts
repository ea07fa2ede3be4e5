import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { detectionText } from '../status/detection-text.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

/** The rules of detection, as the agent that runs has them. */
export function rulesFinding(answer: StatusDocument | Unanswered): Finding {
  if ('unanswered' in answer)
    return unknown(
      'rules',
      'which rules of detection are in force is told by a running agent',
      'see which can be used with: iot-security-agent rules check',
    );
  const { detection } = answer;
  const found = detectionText(detection);
  if (detection.state === 'off') return note('rules', found);
  if (detection.state === 'failed')
    return mend('rules', found, 'see why in the log of the agent, and install it again');
  if (detection.state === 'running' && detection.rules + detection.correlations === 0)
    return mend('rules', found, 'install the agent again: it brings rules along');
  if (detection.problem !== undefined) return mend('rules', found);
  return detection.refused > 0 || detection.suspended.length > 0
    ? note('rules', found, 'see which and why with: iot-security-agent rules check')
    : ok('rules', found);
}
