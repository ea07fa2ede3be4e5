/** What is watched: a file; a directory with its entries; or everything below a directory. */
export interface Place {
  /** Absolute and normalised, of the device. */
  readonly path: string;
  readonly reach: 'file' | 'directory' | 'tree';
  /**
   * Of a directory: audit tells who lets something come, go or be renamed in it, not who changes in place what is there.
   * The rule for that costs no other call.
   */
  readonly light?: true;
}

const files = (...paths: readonly string[]): readonly Place[] =>
  paths.map((path) => ({ path, reach: 'file' }));
const directories = (...paths: readonly string[]): readonly Place[] =>
  paths.map((path) => ({ path, reach: 'directory' }));
const lightDirectories = (...paths: readonly string[]): readonly Place[] =>
  paths.map((path) => ({ path, reach: 'directory', light: true }));
const trees = (...paths: readonly string[]): readonly Place[] =>
  paths.map((path) => ({ path, reach: 'tree' }));

/** What makes something run again, lets somebody in, or changes what the agent sees; beside what is in each home. */
export const defaultPlaces: readonly Place[] = [
  // What is started at a time.
  ...files('/etc/crontab', '/etc/anacrontab', '/etc/cron.allow', '/etc/cron.deny'),
  ...directories('/etc/cron.d', '/etc/cron.hourly', '/etc/cron.daily'),
  ...directories('/etc/cron.weekly', '/etc/cron.monthly'),
  ...lightDirectories('/var/spool/at'),
  ...trees('/var/spool/cron'),
  // What is started with the system; timers are among the units.
  ...trees('/etc/systemd', '/usr/lib/systemd', '/lib/systemd', '/usr/local/lib/systemd'),
  ...directories('/etc/init.d'),
  ...files('/etc/rc.local', '/etc/inittab'),
  // What is loaded into each program, and into the kernel.
  ...files('/etc/ld.so.preload', '/etc/ld.so.conf', '/etc/modules'),
  ...directories('/etc/ld.so.conf.d', '/etc/modules-load.d', '/etc/modprobe.d'),
  ...directories('/etc/udev/rules.d'),
  ...lightDirectories('/usr/lib/modules-load.d', '/usr/lib/modprobe.d', '/usr/lib/udev/rules.d'),
  // Who may do what.
  ...files('/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow', '/etc/sudoers'),
  ...directories('/etc/sudoers.d', '/etc/pam.d', '/etc/security'),
  ...files('/etc/pam.conf', '/etc/ssh/sshd_config'),
  ...directories('/etc/ssh/sshd_config.d'),
  // What each shell runs.
  ...files('/etc/profile', '/etc/bash.bashrc', '/etc/environment', '/etc/zsh/zshenv'),
  ...directories('/etc/profile.d'),
  // What is booted, and what is recorded.
  ...trees('/boot'),
  ...directories('/etc/audit', '/etc/audit/rules.d'),
  // The agent's own.
  ...trees('/etc/iot-security-agent', '/usr/lib/iot-security-agent'),
];

/** In the home of each user who can log in. */
export const homeFiles = [
  '.ssh/authorized_keys',
  '.ssh/authorized_keys2',
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.profile',
] as const;

/** Whether the path is in what the kernel makes up: its files change with each look. */
export function isOfKernel(path: string): boolean {
  return /^\/(?:proc|sys|dev)(?:\/|$)/u.test(path);
}

/** Their hash would help whoever guesses what is in them. */
export function isSecret(path: string): boolean {
  return (
    /^\/etc\/g?shadow-?$/u.test(path) ||
    /\.(?:key|pem|pfx|p12|password|connection|credentials)$/u.test(path) ||
    /\/(?:ssh_host_\w+_key|id_(?:rsa|dsa|ecdsa|ed25519)|opasswd)$/u.test(path)
  );
}
