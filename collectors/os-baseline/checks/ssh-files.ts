import type { DropbearInstance } from '../facts/dropbear.js';
import type { HostKey } from '../facts/host-keys.js';
import { check, type Check, failIf, listed, pass } from './check.js';
import { excessOf } from './file-permissions.js';

function excesses(keys: readonly HostKey[], isPublic: boolean, mode: number): string {
  return listed(
    keys
      .filter((key) => key.isPublic === isPublic)
      .flatMap((key) => {
        const excess = excessOf(key, mode, [0]);
        return excess === undefined ? [] : [`${key.path}: ${excess}`];
      }),
  );
}

const instances = (
  all: readonly DropbearInstance[],
  isBad: (instance: DropbearInstance) => boolean,
): string => listed(all.filter(isBad).map(({ from }) => `as set by ${from}`));

const options = 'DROPBEAR_EXTRA_ARGS in /etc/default/dropbear';

export const sshFileChecks: readonly Check[] = [
  check({
    id: 'ssh-config-file',
    subject: 'ssh',
    title: 'The settings of SSH cannot be changed or read by others',
    severity: 'Critical',
    expected: '/etc/ssh/sshd_config owned by root, mode 0600 or stricter',
    remedy: 'Run chown root:root /etc/ssh/sshd_config and chmod 600 /etc/ssh/sshd_config.',
    section: '5.2.1',
    ruleId: '43119747-263c-2c92-4ce5-726e63259049',
    needs: ['file:/etc/ssh/sshd_config'],
    judge: (file) => failIf(excessOf(file, 0o600, [0])),
  }),
  check({
    id: 'ssh-private-keys',
    subject: 'ssh',
    title: 'The private keys of the device are for root alone',
    severity: 'Critical',
    expected: 'each host key of sshd and dropbear owned by root, mode 0600 or stricter',
    remedy: 'Run chown root:root and chmod 600 on each; replace a key that others could read.',
    section: '5.2.2',
    needs: ['hostKeys'],
    judge: (keys) => failIf(excesses(keys, false, 0o600)),
  }),
  check({
    id: 'ssh-public-keys',
    subject: 'ssh',
    title: 'The public keys of the device cannot be changed by others',
    severity: 'Warning',
    expected: 'each public host key owned by root, mode 0644 or stricter',
    remedy: 'Run chown root:root and chmod 644 on each.',
    section: '5.2.3',
    needs: ['hostKeys'],
    judge: (keys) => failIf(excesses(keys, true, 0o644)),
  }),
  check({
    id: 'ssh-root-keys',
    subject: 'ssh',
    title: 'No key opens the account of root',
    severity: 'Warning',
    expected: 'no keys in authorized_keys of root, or PermitRootLogin no',
    remedy: 'Give each person an account and sudo, and remove the keys from the file.',
    needs: ['homes', '?sshd', '?dropbear'],
    judge(homes, sshd, dropbear) {
      const isClosed = sshd?.settings.get('permitrootlogin')?.[0]?.toLowerCase() === 'no';
      const isOpen = dropbear?.some(({ root }) => root) ?? false;
      if ((sshd === undefined || isClosed) && !isOpen) return pass;
      const files = homes
        .filter(({ account }) => account.uid === 0)
        .flatMap(({ authorizedKeys }) => authorizedKeys)
        .filter(({ count }) => count > 0);
      return failIf(listed(files.map(({ path, count }) => `${count} in ${path}`)));
    },
  }),
  check({
    id: 'dropbear-passwords',
    subject: 'ssh',
    title: 'Dropbear takes keys and no passwords',
    severity: 'Warning',
    expected: 'dropbear with -s, or PasswordAuth off on OpenWrt',
    remedy: `Put a key in place, then add -s to ${options} or set PasswordAuth off, and restart dropbear.`,
    needs: ['dropbear'],
    judge: (all) => failIf(instances(all, ({ passwords }) => passwords)),
  }),
  check({
    id: 'dropbear-root-password',
    subject: 'ssh',
    title: 'The password of root opens nothing through dropbear',
    severity: 'Critical',
    expected: 'dropbear with -w, -g or -s, or RootPasswordAuth off on OpenWrt',
    remedy: `Add -g, or -w for no root at all, to ${options} or set RootPasswordAuth off, and restart dropbear.`,
    needs: ['dropbear'],
    judge: (all) => failIf(instances(all, ({ rootPasswords }) => rootPasswords)),
  }),
  check({
    id: 'dropbear-empty-passwords',
    subject: 'ssh',
    title: 'Dropbear lets nobody in without a password',
    severity: 'Critical',
    expected: 'dropbear without -B',
    remedy: `Take -B out of ${options}, and restart dropbear.`,
    needs: ['dropbear'],
    judge: (all) => failIf(instances(all, ({ emptyPasswords }) => emptyPasswords)),
  }),
];
