import type { Subject } from '../../interface/state-subject.js';
import { parseAccount } from '../../kernel/files/account-lines.js';
import { addNamed, readNeeded } from './account-files.js';
import { watchedFiles } from './watched-files.js';

/** The accounts of /etc/passwd: `uid 1000, group 1000, home /home/anna, shell /bin/bash`. */
export const user: Subject = {
  name: 'User',
  watch: watchedFiles(({ etcRoot }) => [`${etcRoot}/passwd`]),
  async look(context) {
    const items = new Map<string, string>();
    const path = `${context.host.paths.etcRoot}/passwd`;
    const refused = await readNeeded(path, context, parseAccount, (account) => {
      const { gid, home, name, shell, uid } = account;
      addNamed(
        items,
        name,
        `uid ${uid}, group ${gid}, home ${home}, shell ${shell || '(default)'}`,
      );
    });
    return refused ?? items;
  },
};
