import type { FileScan } from '../../interface/file-scan.js';
import type { Group } from '../../kernel/files/account-lines.js';
import { type Accounts, readAccounts } from './accounts.js';
import { type CommandLine, readCommandLine } from './command-line.js';
import { type DropbearInstance, readDropbear } from './dropbear.js';
import { type NamedReader, oneByOne, type SubjectReader } from './fact-reader.js';
import { readGroups } from './groups.js';
import { type Home, readHomes } from './homes.js';
import type { FileState } from './host-files.js';
import { readInetd } from './inetd.js';
import { type ModuleState, readModules } from './kernel-modules.js';
import { type KernelConfig, readKernelConfig } from './kernel-config.js';
import { readParameters } from './kernel-parameters.js';
import { type HostKey, readHostKeys } from './host-keys.js';
import { type Listener, readListeners } from './listeners.js';
import { type LoginDefs, readLoginDefs } from './login-defs.js';
import { type Mounts, readMounts } from './mounts.js';
import { type Packages, readPackages } from './packages.js';
import { type Passwords, readPasswords } from './passwords.js';
import { type Pam, readPam } from './pam.js';
import { readSudoers, type Sudoers } from './sudoers.js';
import { readSshd, type Sshd } from './sshd.js';
import { readShellDefaults, type ShellDefaults } from './shell-defaults.js';
import { readFileScan } from './file-scan.js';
import { readRootDevice, type RootDevice } from './root-device.js';
import { readSecureBoot } from './secure-boot.js';
import { readUbootEnvironment, type UbootEnvironment } from './uboot-environment.js';
import { readVulnerabilities, type Vulnerabilities } from './vulnerabilities.js';
import { readProcesses, type RunningProcess } from './processes.js';
import { readUnits, type Units } from './units.js';
import { type AptSource, readAptConfiguration, readAptSources } from './apt.js';
import { type Certificates, readCertificates } from './certificates.js';
import { type OpenConsole, readConsoles } from './consoles.js';
import { type Firewall, readFirewall } from './firewall.js';
import { type LogFile, readLogFiles } from './log-files.js';
import { type NetworkInterface, readNetworkInterfaces } from './network-interfaces.js';
import { readRelease, type Release } from './release.js';
import { readSystemdSettings, readWithDropIns, type Settings } from './settings-files.js';
import { readUsbGadgets } from './usb-gadgets.js';

/** What the device has one of. A new subject is a line here, a line in `subjectReaders`, and a file beside this one. */
export interface Subjects {
  /** Mounted file systems, as the first process has them. */
  readonly mounts: Mounts;
  /** What the kernel was started with. */
  readonly commandLine: CommandLine;
  /** What the last look at all files found, in the maintenance window. */
  readonly fileScan: FileScan;
  /** The accounts of /etc/passwd. */
  readonly accounts: Accounts;
  /** How the password of each account stands. */
  readonly passwords: Passwords;
  /** The home directories of accounts that somebody can work with. */
  readonly homes: readonly Home[];
  readonly loginDefs: LoginDefs;
  /** How passwords are asked for and changed. */
  readonly pam: Pam;
  /** Who may become root with sudo, and how. */
  readonly sudoers: Sudoers;
  /** The settings that the OpenSSH server has in force. */
  readonly sshd: Sshd;
  readonly dropbear: readonly DropbearInstance[];
  /** The device's own keys of SSH. */
  readonly hostKeys: readonly HostKey[];
  /** File mask, search path and timeout that files give a shell. */
  readonly shellDefaults: ShellDefaults;
  /** The groups of /etc/group. */
  readonly groups: readonly Group[];
  /** With what the running kernel was built. */
  readonly kernelConfig: KernelConfig;
  /** What the root file system lies on. */
  readonly rootDevice: RootDevice;
  /** Whether firmware starts signed programs alone, on devices with UEFI. */
  readonly secureBoot: boolean;
  /** Where the boot loader U-Boot keeps its settings. */
  readonly ubootEnvironment: UbootEnvironment;
  /** Weaknesses of the processor. */
  readonly vulnerabilities: Vulnerabilities;
  /** Sockets that wait for others. */
  readonly listeners: readonly Listener[];
  /** What the package manager installed. */
  readonly packages: Packages;
  /** Where apt takes packages from. */
  readonly aptSources: readonly AptSource[];
  /** The settings of apt by their whole name in lower case. */
  readonly aptConfiguration: ReadonlyMap<string, string>;
  /** Certificates and keys of services. */
  readonly certificates: Certificates;
  /** Consoles that ask for no password. */
  readonly consoles: readonly OpenConsole[];
  /** The packet filter. */
  readonly firewall: Firewall;
  /** Limits of PAM: /etc/security/limits.conf and what belongs to it. */
  readonly limits: string;
  /** Files in /var/log. */
  readonly logFiles: readonly LogFile[];
  readonly networkInterfaces: readonly NetworkInterface[];
  /** The distribution and the time. */
  readonly release: Release;
  /** Configuration of rsyslog. */
  readonly rsyslog: string;
  /** Functions of USB gadgets that are in use. */
  readonly usbGadgets: readonly string[];
  /** Services that inetd and xinetd are told to start. */
  readonly inetd: ReadonlySet<string>;
  /** What runs. */
  readonly processes: readonly RunningProcess[];
  /** Services, sockets and timers: whether they start by themselves, and whether they run. */
  readonly units: Units;
}

/** What the device has many of, each asked for by its name: `file:/etc/passwd`, `parameter:net.ipv4.ip_forward`. */
export interface Named {
  /** Owner and mode of what a path leads to. */
  readonly file: FileState;
  /** A text file of at most 256 KB. */
  readonly text: string;
  /** The names in a directory, sorted. */
  readonly names: readonly string[];
  /** Settings of a part of systemd, as `journald`. */
  readonly systemd: Settings;
  /** A parameter of the running kernel (sysctl). */
  readonly parameter: string;
  /** A module of the kernel. */
  readonly module: ModuleState;
}

export const subjectReaders: { readonly [S in keyof Subjects]: SubjectReader<Subjects[S]> } = {
  mounts: readMounts,
  commandLine: readCommandLine,
  fileScan: readFileScan,
  accounts: readAccounts,
  passwords: readPasswords,
  homes: readHomes,
  loginDefs: readLoginDefs,
  pam: readPam,
  sudoers: readSudoers,
  sshd: readSshd,
  dropbear: readDropbear,
  hostKeys: readHostKeys,
  shellDefaults: readShellDefaults,
  groups: readGroups,
  kernelConfig: readKernelConfig,
  rootDevice: readRootDevice,
  secureBoot: readSecureBoot,
  ubootEnvironment: readUbootEnvironment,
  vulnerabilities: readVulnerabilities,
  listeners: readListeners,
  packages: readPackages,
  units: readUnits,
  inetd: readInetd,
  processes: readProcesses,
  aptSources: readAptSources,
  aptConfiguration: readAptConfiguration,
  certificates: readCertificates,
  consoles: readConsoles,
  firewall: readFirewall,
  limits: (context) =>
    readWithDropIns('/etc/security/limits.conf', '/etc/security/limits.d', /\.conf$/, context),
  logFiles: readLogFiles,
  networkInterfaces: readNetworkInterfaces,
  release: readRelease,
  rsyslog: (context) => readWithDropIns('/etc/rsyslog.conf', '/etc/rsyslog.d', /\.conf$/, context),
  usbGadgets: readUsbGadgets,
};

export const namedReaders: { readonly [N in keyof Named]: NamedReader<Named[N]> } = {
  file: oneByOne((path, { files }) => files.state(path)),
  text: oneByOne((path, { files }) => files.text(path)),
  names: oneByOne((path, { files }) => files.names(path)),
  systemd: oneByOne(readSystemdSettings),
  parameter: readParameters,
  module: readModules,
};

export type FactKey = keyof Subjects | `${keyof Named}:${string}`;

/**
 * A fact that a check asks for. With `?` before it the check also applies where the device has none: it is given
 * `undefined` then.
 */
export type Need = FactKey | `?${FactKey}`;

type PlainFact<K> = K extends keyof Subjects
  ? Subjects[K]
  : K extends `${infer N extends keyof Named}:${string}`
    ? Named[N]
    : never;

export type Fact<N> = N extends `?${infer K}` ? PlainFact<K> | undefined : PlainFact<N>;
export type Facts<N extends readonly Need[]> = { readonly [I in keyof N]: Fact<N[I]> };
