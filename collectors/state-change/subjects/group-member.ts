import type { Subject } from '../../interface/state-subject.js';
import { parseGroup } from '../../kernel/files/account-lines.js';
import { readNeeded } from './account-files.js';
import { watchedFiles } from './watched-files.js';

/**
 * Who is named in which group of /etc/group: item `anna in sudo`, text `gid 27`. That a user has a primary group is told
 * of the user.
 */
export const groupMember: Subject = {
  name: 'GroupMember',
  watch: watchedFiles(({ etcRoot }) => [`${etcRoot}/group`]),
  async look(context) {
    const items = new Map<string, string>();
    const path = `${context.host.paths.etcRoot}/group`;
    const refused = await readNeeded(path, context, parseGroup, ({ gid, members, name }) => {
      for (const member of members) {
        const item = `${member} in ${name}`;
        // Of several lines of one group the system counts all members.
        if (!items.has(item)) items.set(item, `gid ${gid}`);
      }
    });
    return refused ?? items;
  },
};
