import type { Subject } from '../../interface/state-subject.js';
import { device } from './device.js';
import { firewallRule } from './firewall-rule.js';
import { groupMember } from './group-member.js';
import { kernelModule } from './kernel-module.js';
import { listeningPort } from './listening-port.js';
import { password } from './password.js';
import { setUidFile } from './set-uid-file.js';
import { unit } from './unit.js';
import { user } from './user.js';

/** Every subject of which changes are told; each has a file of its own. */
export function createSubjects(): readonly Subject[] {
  const files = [groupMember, kernelModule, password, unit, user];
  // In the order in which they are looked at first: what asks another process comes last.
  return [...files, device, listeningPort(), setUidFile(), firewallRule()];
}
