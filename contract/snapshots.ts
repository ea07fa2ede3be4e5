import { type EventDeclaration, optional, required } from './declaration.js';

/** What is there, told as a whole from time to time. */
export const snapshots = {
  ListeningPorts: {
    category: 'Periodic',
    type: 'Security',
    priority: 'High',
    noun: 'listening ports',
    meaning: 'The sockets that wait for others: TCP in LISTEN, bound UDP.',
    fields: {
      Protocol: required(['tcp', 'tcp6', 'udp', 'udp6'], 'Transport and address family.'),
      LocalAddress: optional('ip', 'Address the socket is bound to.'),
      LocalPort: required('string', 'Port the socket is bound to.'),
      RemoteAddress: optional('ip', 'The any-address of the family.'),
      RemotePort: optional('string', 'Always `*`.'),
    },
    details: {
      Pid: 'Process id of the holder; of several the lowest.',
      Executable: 'Full path of its executable.',
      UserId: 'User id of the socket, decimal.',
    },
  },
  LocalUsers: {
    category: 'Periodic',
    type: 'Security',
    priority: 'High',
    noun: 'local users',
    meaning:
      'The users in the files of the device (/etc/passwd), each with the groups it belongs to. Never a password, nor a hash of one.',
    fields: {
      UserId: required('string', 'User id, decimal.'),
      UserName: required('string', 'Name of the user.'),
      GroupIds: required(
        'string',
        'Group ids, decimal, parted by semicolons; the primary group first, then those that name the user as a member.',
      ),
      GroupNames: required(
        'string',
        'Names of these groups, in the same order. `(no such group)` stands for the name of a primary group that does not exist, `(not known)` where groups cannot be read, and `%3B` for a semicolon within a name.',
      ),
    },
    details: {
      Home: 'Home directory.',
      Shell: 'Program that a login starts; empty: `/bin/sh`.',
      Password:
        '`set`; `locked`: no password opens the account, though a key may; `empty`: it has none, and where `nullok` is allowed none is asked for; `absent`: /etc/shadow has no line for the user.',
      PasswordAlgorithm: 'Algorithm of its hash, such as `yescrypt`; also of one that is locked.',
      PasswordChanged: 'Day (UTC) on which the password was last changed.',
      PasswordMustChange: '`true`: the password must be changed at the next login.',
      AccountExpires: 'Day (UTC) from which the account is closed.',
      SameUserId: 'Other users with the same id, parted by semicolons.',
      SameName: '`true`: a line before has the same name; the system takes that one.',
    },
    caveats: {
      PasswordKnown:
        '`false`: /etc/shadow may not be read, so that nothing is known of the password.',
      GroupsKnown: '`false`: /etc/group cannot be read.',
      GroupsLeftOut:
        'Number of groups that are left out of the lists because they would be too long.',
      NotEnumerated:
        'Directory services that the device asks for users (`sss`, `ldap`, `winbind`, `systemd`, `nis`), parted by semicolons; users that only they know are not told.',
    },
  },
  FirewallConfiguration: {
    category: 'Periodic',
    type: 'Security',
    priority: 'Low',
    noun: 'firewall rules',
    meaning:
      'The rules of the packet filter in the order in which they are asked, each base chain ended by its policy. A hook at which nothing filters says so with one entry of its own (`Unfiltered`), so that a device without any firewall is not silent.',
    fields: {
      Priority: optional(
        'integer',
        'Place in the chain, from 0; the policy has the last. The elements of one map of verdicts share a place.',
      ),
      Direction: optional(
        ['In', 'Out'],
        'Which way the packets go; absent for those that pass through, and where several ways lead to the chain.',
      ),
      ChainName: optional('string', 'Chain that holds the rule.'),
      Application: optional('string', 'Program that the rule is about; not told on Linux.'),
      Enabled: required(
        'boolean',
        'Whether the rule is in force: its table is not dormant, and a base chain leads to it.',
      ),
      Action: required(
        ['Allow', 'Deny', 'Other'],
        'What becomes of a packet for which all that the entry says is true; `Other`: see `Verdict`.',
      ),
      SourceAddress: optional(
        'string',
        'Where packets come from: `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, several with commas, `@name` of a set; `!a`, `!(a,b)`: all others. Absent: any.',
      ),
      SourcePort: optional(
        'string',
        'Ports that they come from: `22`, `8000-8100`, `22,80`, `!22`.',
      ),
      DestinationAddress: optional('string', 'Where they go to, written as `SourceAddress`.'),
      DestinationPort: optional('string', 'Ports that they go to, written as `SourcePort`.'),
      Protocol: optional(
        'string',
        'Protocol: `tcp`, `tcp,udp`, `!icmp`; a number where it has no name.',
      ),
    },
    details: {
      Table: 'Family and name of the table: `inet filter`.',
      Backend: 'Of rules of iptables: `legacy`, or `nft` for its nftables back end.',
      Verdict:
        'What the rule does, where `Action` does not say it all: `jump web`, `reject with tcp reset`, `dnat to 10.0.0.2:80`, `log prefix "x"; drop`; `none`: it decides nothing. `accept` with `Other`: among rules that translate or mark, where nothing is filtered.',
      State: 'States of the connection: `established,related`.',
      InInterface: 'Interface that the packet came by.',
      OutInterface: 'Interface that it leaves by.',
      Limit: 'How often the rule speaks: `15/minute burst 5 packets`; `over`: only what is beyond.',
      Match: 'Further conditions, all of which must hold, parted by semicolons.',
      Sets: 'What the sets hold that the rule names; the first elements of large ones.',
      Comment: 'Comment of the rule.',
      Policy: 'Of the policy of a base chain: `accept` or `drop`.',
      Hook: 'Of a policy, and of an unfiltered hook: where the kernel asks.',
      HookPriority: 'Of a policy: place among the chains of the hook.',
      Unfiltered: '`true`: no rule; nothing filters at this hook, so that all is let through.',
    },
    caveats: {
      Expression: 'What of the rule is not understood, as text; its `Action` is then `Other`.',
      EnabledKnown: '`false`: the program does not tell whether the table is switched off.',
      Reached: '`false`: no base chain leads to the rule, so that it is never asked.',
    },
  },
  ConnectedHardware: {
    category: 'Periodic',
    type: 'Security',
    priority: 'Low',
    noun: 'connected hardware',
    meaning:
      'The devices that the kernel knows. What is several things is told as each of them: a USB stick as a device on USB and as a disk, of which the `Path` begins with that of the other.',
    fields: {
      HardwareCategory: required(
        'string',
        '`USB`, `PCI`, `Disk`, `Network`, `Sound`, `Serial`, `Video`, `Input`, `GPIO`, `I2C` or `SPI`.',
      ),
      HardwareSubCategory: required(
        'string',
        'Kind of device in that category: of USB and PCI the class (`Hub`, `Mass storage`, `Human interface`, `Bridge` …; of several interfaces all, with commas); of disks `NVMe`, `ATA`, `SCSI`, `USB`, `SD card`, `eMMC`, `Flash`, `Mapped`, `RAID`, `Loop` …; of networks `Ethernet`, `Wireless`, `Mobile`, `Bluetooth`, `CAN`, `Tunnel` …; `UART` or `USB`; `Capture` or `Graphics`; `Keyboard`, `Pointer`, `Buttons` …; `Chip`, `Adapter` or `Device`.',
      ),
      HardwareName: required(
        'string',
        "Name of the device: that of its id in the system's `usb.ids` or `pci.ids`, else its own, else its ids or the kernel's name.",
      ),
    },
    details: {
      Manufacturer: 'Who made it, by its id or as it says itself.',
      Description:
        "What it says of itself where the name is that of its id; else the kernel's name.",
      VendorId: 'Id of the manufacturer on USB or PCI, four hexadecimal digits.',
      ProductId: 'Id of the product, the same.',
      Serial: 'Serial number as the device tells it: it tells one stick from another.',
      Address: 'Hardware address of a network card.',
      SizeBytes: 'Size of a disk, decimal.',
      Removable:
        '`true` when the device, or the medium of a disk, can be taken out; `false` when not.',
      ReadOnly: '`true` for a disk that cannot be written.',
      Driver: 'Driver of the kernel that serves it; absent where none does.',
      Path: 'Where the device is in /sys, which says by what it is connected.',
      Virtual: '`true`: made by the kernel, without hardware.',
    },
  },
  SystemInformation: {
    category: 'Periodic',
    type: 'Security',
    priority: 'Low',
    noun: 'system information',
    meaning: 'What the device is and what runs on it.',
    fields: {
      OSName: optional('string', 'Name of the operating system.'),
      OSVersion: optional('string', 'Its version.'),
      OSVendor: optional('string', 'Who makes it.'),
      OsArchitecture: optional('string', 'Architecture that it is built for.'),
      HostName: optional(
        'string',
        'Name of the host; where the inventory process cannot be asked, as it was at the start.',
      ),
      BIOSVersion: optional('string', 'Version of the firmware, or of U-Boot.'),
      BootDevice: optional('string', 'Device that holds /boot, with the kernel.'),
      TotalPhysicalMemoryInKB: optional('integer', 'Memory, in KB.'),
      FreePhysicalMemoryInKB: optional('integer', 'Memory that is free, in KB.'),
      TotalVirtualMemoryInKB: optional('integer', 'Memory and swap, in KB.'),
      FreeVirtualMemoryInKB: optional('integer', 'Memory and swap that are free, in KB.'),
    },
    details: {
      OsId: 'Short name of the distribution: `debian`.',
      OsVersionId: 'Its version without a name: `12`.',
      OsVariant: 'Edition of the distribution.',
      OsImage: 'Name and version of the image that the system was installed from.',
      OsBuild: 'Build of the system image.',
      OsSupportEnd: 'Day on which support ends, as the distribution says.',
      KernelRelease: 'Release of the kernel, as `uname -r`.',
      KernelVersion: 'Build of the kernel, as `uname -v`.',
      KernelArchitecture: 'Architecture of the kernel, as `uname -m`.',
      BootId: 'Random id of this boot.',
      UptimeSeconds: 'Seconds since the boot.',
      AvailableMemoryInKB: 'Memory that programs could get without swapping, in KB.',
      SwapTotalInKB: 'Swap, in KB.',
      SwapFreeInKB: 'Swap that is free, in KB.',
      MemorySlots: 'Places for memory on the board.',
      TimeZone: 'Name of the time zone.',
      Firmware: '`UEFI`, `BIOS` or `device tree`.',
      BiosVendor: 'Who made the firmware.',
      BiosDate: 'When it was made.',
      Manufacturer: 'Who made the device.',
      Model: 'Model of the device.',
      ModelVersion: 'Its version.',
      BoardVendor: 'Who made the board.',
      BoardName: 'Name of the board.',
      Compatible: 'First name of the board in the device tree: `raspberrypi,4-model-b`.',
      ChassisType: 'Kind of housing.',
      SerialNumber:
        'Serial number from the device tree, which the kernel shows to everybody; one that only root may read is not told.',
      RootDevice: 'Device of the root file system.',
      RootFileSystem: 'Type of the root file system.',
      RootReadOnly: 'Whether the root file system is read-only.',
      RootEncryption:
        'Kind of encryption below the root file system, such as `LUKS2`; `none` when nothing on the way to the disks is encrypted.',
      RootVerity: 'Whether each read of the root is checked (dm-verity).',
      SecureBoot: '`on`, `off`; `unavailable` on a PC without UEFI.',
      Tpm: 'Version of the TPM, `present`, or `none`.',
      SecurityModules: 'Security modules of the kernel, parted by commas.',
      SELinux: '`enforcing`, `permissive`, `off`.',
      AppArmor: '`on`, `off`.',
      Lockdown: 'Lockdown of the kernel: `none`, `integrity`, `confidentiality`.',
      Virtualization: 'Hypervisor that the system runs on; `none` where the processor says so.',
      Container: 'What runs the container that the agent is in.',
      FromTwin:
        'Which of these, `BIOSVersion` included, the settings of the twin say and not the device; parted by commas.',
    },
    caveats: {
      OsReleaseKnown:
        '`false`: no file says which distribution it is; the name is that of the kernel.',
    },
  },
  SoftwareInventory: {
    category: 'Periodic',
    type: 'Security',
    ours: true,
    priority: 'Low',
    kept: { Change: ['Installed', 'Removed', 'Updated'] },
    noun: 'installed packages',
    meaning:
      'The packages of the device by the databases of its package managers. The first event, and one each 30 days, has all of them (`Present`), perhaps in several parts; the others, once a day and a minute after dpkg, opkg or apk changed something, have only what changed since the one before, and where nothing did there is none.',
    fields: {
      Name: required('string', 'Name of the package.'),
      Version: required(
        'string',
        'Version with epoch and release, as its manager writes it; of one that is gone the last one.',
      ),
      Change: required(
        ['Present', 'Installed', 'Removed', 'Updated'],
        'What was noticed: it is there, in an event that has all; or it came, went or has another version since the event before.',
      ),
      PackageManager: required(['dpkg', 'rpm', 'opkg', 'apk'], 'Whose database says so.'),
      Architecture: optional('string', 'Architecture that it is built for: `amd64`, `noarch`.'),
      Supplier: optional('string', 'Who maintains or supplies it, as it says itself.'),
      License: optional(
        'string',
        'Licences that its makers state, parted by semicolons: each an SPDX expression where it can be written so, else the name that they give it. Absent: nothing that a machine can read states any.',
      ),
    },
    details: {
      VersionBefore: 'Of an updated one: the version before.',
      SourcePackage: 'Source that it is built from, where that has another name.',
      SourceVersion: 'Version of the source, where it is another.',
      Cpe: 'CPE name that its makers state.',
    },
    caveats: {
      LicensesLeftOut: 'Number of licences that are left out because they would be too many.',
    },
  },
  OSBaseline: {
    category: 'Periodic',
    type: 'Security',
    priority: 'Low',
    noun: 'baseline checks',
    meaning: 'The checks of the secure configuration that did not pass.',
    fields: {
      Description: required('string', 'What is checked.'),
      CceId: required(
        'string',
        'CCE id of the retired baseline, else the section of the CIS benchmark, else our id of the check.',
      ),
      Result: required(
        ['Pass', 'Fail', 'Err'],
        'What it came to; Err: it could not be checked. What passed is not sent.',
      ),
      Error: required('string', 'Why it could not be checked.'),
      Severity: required(['Critical', 'Important', 'Warning', 'Informational'], 'How bad it is.'),
    },
    details: {
      CheckId: 'Our id of the check, see the reference of the checks.',
      RuleId: 'Id of the rule in the baseline of the retired agents or of their successor.',
      CisSection: 'Section of the CIS distribution independent Linux benchmark 2.0.0.',
      Found: 'What was found instead of what was expected; no secret is in it.',
      Expected: 'What is to be found where all is well.',
      Remedy: 'What to do.',
      AsOf: 'When it was looked at, where that was in the maintenance window before.',
      AgeInSeconds: 'How long before the snapshot that was.',
      Passed: 'How many checks passed; like the next four in the first payload alone.',
      Failed: 'How many failed.',
      Errors: 'How many could not be made.',
      NotApplicable: 'How many are about something that the device does not have.',
      Disabled: 'How many the twin switches off; absent: none.',
    },
  },
} as const satisfies Readonly<Record<string, EventDeclaration>>;
