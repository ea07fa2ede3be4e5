import type { Subject } from '../../interface/state-subject.js';
import { groupMember } from './group-member.js';
import { kernelModule } from './kernel-module.js';
import { password } from './password.js';
import { unit } from './unit.js';
import { user } from './user.js';

/** Every subject of which changes are told; each has a file of its own. */
export const subjects: readonly Subject[] = [groupMember, kernelModule, password, unit, user];
