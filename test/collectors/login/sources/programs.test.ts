import { describe, expect, it } from 'vitest';
import {
  isNoLogin,
  isSsh,
  noLoginPrograms,
  programName,
} from '../../../../collectors/login/sources/programs.js';
import { toldOf } from '../../../support/login-log.js';

/** One line for each line of the table, with a path that a distribution gives it. */
const paths = [
  '/usr/bin/sudo',
  '/usr/bin/sudo-rs',
  '/usr/bin/sudoedit',
  '/usr/bin/doas',
  '/usr/bin/opendoas',
  '/usr/bin/pkexec',
  '/usr/lib/polkit-1/polkit-agent-helper-1',
  '/usr/lib/polkit-1/polkitd',
  '/usr/sbin/userhelper',
  '/usr/bin/consolehelper',
  '/usr/bin/beesu',
  '/usr/lib/kf5/kdesud',
  '/usr/sbin/runuser',
  '/usr/bin/setpriv',
  '/usr/bin/newgrp',
  '/usr/bin/sg',
  '/usr/bin/newrole',
  '/usr/sbin/seunshare',
  '/usr/bin/passwd',
  '/usr/bin/chage',
  '/usr/bin/chfn',
  '/usr/bin/chsh',
  '/usr/sbin/chpasswd',
  '/usr/sbin/chgpasswd',
  '/usr/bin/expiry',
  '/usr/bin/gpasswd',
  '/usr/sbin/useradd',
  '/usr/sbin/usermod',
  '/usr/sbin/userdel',
  '/usr/sbin/newusers',
  '/usr/sbin/groupadd',
  '/usr/sbin/groupmod',
  '/usr/sbin/groupdel',
  '/usr/sbin/groupmems',
  '/usr/sbin/vipw',
  '/usr/sbin/vigr',
  '/usr/sbin/lpasswd',
  '/usr/bin/lchfn',
  '/usr/bin/lchsh',
  '/usr/libexec/accounts-daemon',
  '/usr/sbin/unix_chkpwd',
  '/usr/sbin/unix_update',
  '/sbin/unix2_chkpwd',
  '/usr/sbin/pam_timestamp_check',
  '/usr/lib/pam-tmpdir/pam-tmpdir-helper',
  '/usr/sbin/mkhomedir_helper',
  '/usr/sbin/pam_namespace_helper',
  '/usr/bin/xscreensaver',
  '/usr/libexec/xscreensaver/xscreensaver-auth',
  '/usr/bin/xsecurelock',
  '/usr/libexec/xsecurelock/authproto_pam',
  '/usr/bin/i3lock',
  '/usr/bin/swaylock',
  '/usr/bin/waylock',
  '/usr/bin/gtklock',
  '/usr/bin/hyprlock',
  '/usr/bin/xlock',
  '/usr/bin/slock',
  '/usr/bin/lxlock',
  '/usr/bin/vlock',
  '/usr/sbin/vlock-main',
  '/usr/bin/physlock',
  '/usr/bin/screen',
  '/usr/libexec/kscreenlocker_greet',
  '/usr/lib/kde4/libexec/kcheckpass',
  '/usr/bin/gnome-screensaver',
  '/usr/libexec/gnome-screensaver-dialog',
  '/usr/bin/mate-screensaver',
  '/usr/libexec/mate-screensaver-dialog',
  '/usr/bin/cinnamon-screensaver',
  '/usr/libexec/cinnamon-screensaver-pam-helper',
  '/usr/bin/xfce4-screensaver',
  '/usr/libexec/xfce4-screensaver-dialog',
  '/usr/bin/ukui-screensaver-dialog',
  '/usr/bin/dde-lock',
  '/usr/sbin/cron',
  '/usr/sbin/crond',
  '/usr/sbin/fcron',
  '/usr/sbin/anacron',
  '/usr/bin/crontab',
  '/usr/bin/fcrontab',
  '/usr/sbin/atd',
  '/usr/bin/at',
  '/usr/lib/systemd/systemd',
  '/usr/lib/systemd/systemd-executor',
  '/usr/lib/systemd/systemd-userdbd',
  '/usr/lib/systemd/systemd-homed',
];

const everything = (exe: string, res: string) => {
  const said = `acct="root" exe="${exe}" hostname=gw addr=192.0.2.9 terminal=pts/2 res=${res}'`;
  const sent = (type: string, op: string) =>
    `type=${type} msg=audit(1700000000.000:1): pid=5 uid=0 auid=1000 ses=4 msg='op=${op} ${said}`;
  return [
    sent('USER_AUTH', 'PAM:authentication'),
    sent('USER_ACCT', 'PAM:accounting'),
    sent('USER_START', 'PAM:session_open'),
    sent('USER_END', 'PAM:session_close'),
  ].join('\n');
};

describe('programs that let nobody in', () => {
  it('are all tried here', () => {
    expect(paths.map((path) => programName(path))).toEqual([...noLoginPrograms.keys()]);
  });

  it.each(paths)('%s', (path) => {
    expect(toldOf(everything(path, 'success'))).toEqual([]);
    expect(toldOf(everything(path, 'failed'))).toEqual([]);
  });

  it.each(['/usr/bin/su', '/bin/login', '/usr/sbin/sshd', '/usr/sbin/vsftpd', '/opt/x/passwd-web'])(
    'do not include %s',
    (path) => {
      expect(toldOf(everything(path, 'success'))).not.toEqual([]);
      expect(toldOf(everything(path, 'failed'))).not.toEqual([]);
    },
  );

  it('include those that were replaced or wrapped', () => {
    expect(isNoLogin({ executable: '/usr/bin/passwd (deleted)' })).toBe(true);
    expect(isNoLogin({ executable: '/nix/store/x/.swaylock-wrapped' })).toBe(true);
    expect(isNoLogin({ executable: '/usr/bin/su (deleted)' })).toBe(false);
  });

  it('include the account under which a display manager shows where to log in', () => {
    const executable = '/usr/libexec/gdm-session-worker';
    expect(isNoLogin({ executable, userName: 'gdm' })).toBe(true);
    expect(isNoLogin({ executable, userName: 'anna' })).toBe(false);
    expect(isNoLogin({ executable: '/usr/sbin/sshd', userName: 'gdm' })).toBe(false);
  });

  it('know sshd in each of its programs', () => {
    expect(isSsh('/usr/lib/openssh/sshd-session')).toBe(true);
    expect(isSsh('/usr/lib/openssh/sshd-auth')).toBe(true);
    expect(isSsh('/usr/sbin/sshd')).toBe(true);
    expect(isSsh('/usr/bin/ssh')).toBe(false);
  });
});
