import type { Details } from '../../contract/events.js';
import type { Observation } from '../interface/collector.js';
import type { LoginFacts } from './sources/facts.js';

/** What the login programs write for a user that they do not name. */
const unknownUser = '(unknown user)';

/** The payload of one attempt; a user that nobody named gets the name that the login programs write for such. */
export function loginObservation(facts: LoginFacts): Observation<'Login'> {
  const { userId, userName, remoteAddress, remotePort, localPort, executable = '' } = facts;
  const details: Details<'Login'> = {};
  if (facts.terminal !== undefined) details.Terminal = facts.terminal;
  if (facts.sessionId !== undefined) details.SessionId = String(facts.sessionId);
  if (facts.remoteHost !== undefined) details.RemoteHost = facts.remoteHost;
  if (remoteAddress === undefined && facts.callerUserId !== undefined)
    details.CallerUserId = String(facts.callerUserId);
  const { refusals = 0 } = facts;
  if (refusals > (facts.succeeded === false ? 1 : 0)) details.Refusals = String(refusals);
  if (facts.sessionMs !== undefined)
    details.SessionSeconds = String(Math.round(facts.sessionMs / 1000));
  if (executable === '') details.ExecutableKnown = 'false';
  if (facts.succeeded === undefined) details.ResultKnown = 'false';
  const named = userName ?? (userId === undefined ? unknownUser : undefined);
  return {
    timeMs: facts.timeMs,
    payload: {
      ProcessId: facts.pid,
      Executable: executable,
      Operation: facts.operation,
      // There is no third value; whoever counts failures leaves out those whose result is not known.
      Result: facts.succeeded === true ? 'Success' : 'Fail',
      ...(userId !== undefined && { UserId: String(userId) }),
      ...(named !== undefined && { UserName: named }),
      ...(remoteAddress !== undefined && { RemoteAddress: remoteAddress }),
      ...(remotePort !== undefined && { RemotePort: remotePort }),
      ...(localPort !== undefined && { LocalPort: localPort }),
      ExtraDetails: details,
    },
  };
}
