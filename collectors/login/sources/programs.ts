/**
 * Programs that authenticate somebody, but let nobody in: who is there already confirms who he is, or a job is run for
 * somebody who is not there. Everything else that authenticates is a login, also a program that nobody here knows.
 *
 * By the name of the file, without its directory; one line each.
 */
export const noLoginPrograms: ReadonlyMap<string, string> = new Map([
  // Somebody who is logged in does something as somebody else. `su` is a login: fleets count on it.
  ['sudo', 'runs one command as another user'],
  ['sudo-rs', 'runs one command as another user'],
  ['sudoedit', 'edits one file as another user'],
  ['doas', 'runs one command as another user'],
  ['opendoas', 'runs one command as another user'],
  ['pkexec', 'runs one command as another user'],
  ['polkit-agent-helper-1', 'confirms an action for polkit'],
  ['polkitd', 'confirms an action for polkit'],
  ['userhelper', 'runs one command as another user'],
  ['consolehelper', 'runs one command as another user'],
  ['beesu', 'runs one command as another user'],
  ['kdesud', 'runs one command as another user'],
  ['runuser', 'runs one command of root as another user'],
  ['setpriv', 'runs one command of root as another user'],
  ['newgrp', 'changes the group of a session'],
  ['sg', 'changes the group of a session'],
  ['newrole', 'changes the SELinux role of a session'],
  ['seunshare', 'runs one command in a sandbox'],
  // Somebody changes his account, or root that of others.
  ['passwd', 'changes a password'],
  ['chage', 'changes the age of a password'],
  ['chfn', 'changes the name of a user'],
  ['chsh', 'changes the shell of a user'],
  ['chpasswd', 'changes passwords'],
  ['chgpasswd', 'changes passwords of groups'],
  ['expiry', 'checks the age of a password'],
  ['gpasswd', 'changes a group'],
  ['useradd', 'adds a user'],
  ['usermod', 'changes a user'],
  ['userdel', 'removes a user'],
  ['newusers', 'adds users'],
  ['groupadd', 'adds a group'],
  ['groupmod', 'changes a group'],
  ['groupdel', 'removes a group'],
  ['groupmems', 'changes the members of a group'],
  ['vipw', 'edits the accounts'],
  ['vigr', 'edits the groups'],
  ['lpasswd', 'changes a password'],
  ['lchfn', 'changes the name of a user'],
  ['lchsh', 'changes the shell of a user'],
  ['accounts-daemon', 'changes an account for a desktop'],
  // Helpers of PAM modules, which the program that asks reports itself.
  ['unix_chkpwd', 'checks a password for pam_unix'],
  ['unix_update', 'changes a password for pam_unix'],
  ['unix2_chkpwd', 'checks a password for pam_unix2'],
  ['pam_timestamp_check', 'renews the timestamp of an authentication'],
  ['pam-tmpdir-helper', 'prepares a session'],
  ['mkhomedir_helper', 'prepares a session'],
  ['pam_namespace_helper', 'prepares a session'],
  // Somebody unlocks the screen that he locked.
  ['xscreensaver', 'unlocks a screen'],
  ['xscreensaver-auth', 'unlocks a screen'],
  ['xsecurelock', 'unlocks a screen'],
  ['authproto_pam', 'unlocks a screen for xsecurelock'],
  ['i3lock', 'unlocks a screen'],
  ['swaylock', 'unlocks a screen'],
  ['waylock', 'unlocks a screen'],
  ['gtklock', 'unlocks a screen'],
  ['hyprlock', 'unlocks a screen'],
  ['xlock', 'unlocks a screen'],
  ['slock', 'unlocks a screen'],
  ['lxlock', 'unlocks a screen'],
  ['vlock', 'unlocks a terminal'],
  ['vlock-main', 'unlocks a terminal'],
  ['physlock', 'unlocks a terminal'],
  ['screen', 'unlocks a terminal'],
  ['kscreenlocker_greet', 'unlocks a screen'],
  ['kcheckpass', 'unlocks a screen'],
  ['gnome-screensaver', 'unlocks a screen'],
  ['gnome-screensaver-dialog', 'unlocks a screen'],
  ['mate-screensaver', 'unlocks a screen'],
  ['mate-screensaver-dialog', 'unlocks a screen'],
  ['cinnamon-screensaver', 'unlocks a screen'],
  ['cinnamon-screensaver-pam-helper', 'unlocks a screen'],
  ['xfce4-screensaver', 'unlocks a screen'],
  ['xfce4-screensaver-dialog', 'unlocks a screen'],
  ['ukui-screensaver-dialog', 'unlocks a screen'],
  ['dde-lock', 'unlocks a screen'],
  // Jobs for users who are not there, and services that every session brings along.
  ['cron', 'runs jobs'],
  ['crond', 'runs jobs'],
  ['fcron', 'runs jobs'],
  ['anacron', 'runs jobs'],
  ['crontab', 'changes the jobs of a user'],
  ['fcrontab', 'changes the jobs of a user'],
  ['atd', 'runs jobs'],
  ['at', 'adds a job'],
  ['systemd', 'starts the services of a user'],
  ['systemd-executor', 'starts the services of a user'],
  ['systemd-userdbd', 'answers who a user is'],
  ['systemd-homed', 'opens a home directory'],
]);

/** Accounts of display managers, under which they show where to log in. */
const greeters: ReadonlySet<string> = new Set([
  'gdm',
  'Debian-gdm',
  'gdm-greeter',
  'lightdm',
  'sddm',
  'greeter',
  'greetd',
]);

/** What a login record tells of who wrote it. */
export interface AskingProgram {
  readonly executable?: string;
  readonly terminal?: string;
  readonly userName?: string;
}

/** Whether the record is of something that lets nobody in. */
export function isNoLogin({ executable, terminal, userName }: AskingProgram): boolean {
  const name = programName(executable);
  if (terminal === 'cron' || noLoginPrograms.has(name)) return true;
  return displayManager.test(name) && greeters.has(userName ?? '');
}

const displayManager = /^(?:gdm|lightdm|sddm|greetd)/u;

/**
 * Whether each process of the program serves one connection, so that whatever the process says is about the same client:
 * sshd, in whichever of the programs that it is made of since OpenSSH 9.8.
 */
export function isSsh(executable: string | undefined): boolean {
  return programName(executable) === 'sshd';
}

/** Whether a logout is told although the login was before our time. */
export function isLocalLogin(executable: string | undefined): boolean {
  return /^(?:su|su-rs|login)$/u.test(programName(executable));
}

/**
 * The name of a program, the same for all the files that it consists of. An update leaves ` (deleted)` behind the path
 * of what still runs, and NixOS wraps programs.
 */
export function programName(executable: string | undefined): string {
  const file = /([^/]*)$/u.exec(executable?.replace(/ \(deleted\)$/u, '') ?? '')?.[1] ?? '';
  const name = /^\.(.+)-wrapped$/u.exec(file)?.[1] ?? file;
  return /^sshd-(?:session|auth)$/u.test(name) ? 'sshd' : name;
}
