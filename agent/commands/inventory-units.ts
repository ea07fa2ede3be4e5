import {
  inventories,
  longestRunMs,
  type InventoryDeclaration,
} from '../../collectors/inventory/names.js';
import { localSettings } from '../../config/local-settings.js';

const program = '/usr/lib/iot-security-agent/iot-security-agent-inventory.cjs';
const { default: directory } = localSettings.inventoryDirectory;

/**
 * A socket and a service for each inventory: so each has the rights that it needs and no others, and its socket says what
 * is asked for, so that nothing is ever read from whoever asks.
 */
export function inventoryUnits(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(inventories).flatMap(([name, declaration]) => [
      [`systemd/iot-security-agent-inventory-${name}.socket`, socketUnit(name)],
      [`systemd/iot-security-agent-inventory-${name}@.service`, serviceUnit(name, declaration)],
    ]),
  );
}

const generated = `# Generated from collectors/inventory/names.ts by npm run generate; a test fails when they differ.`;

function socketUnit(name: string): string {
  return `${generated}
[Unit]
Description=What the security agent asks about: ${name}
Documentation=man:iot-security-agent(8)

[Socket]
ListenStream=${directory}/${name}
SocketUser=root
SocketGroup=iot-security-agent
SocketMode=0660
DirectoryMode=0755
RemoveOnStop=yes
# One connection is one run. The agent asks for one thing at a time; a person may ask beside it.
Accept=yes
MaxConnections=2
# Somebody who asks without end is not answered any more, until the socket is restarted.
TriggerLimitIntervalSec=10
TriggerLimitBurst=20

[Install]
WantedBy=sockets.target
`;
}

function serviceUnit(name: string, declaration: InventoryDeclaration): string {
  const { capabilities, families, meaning, seesNetwork } = declaration;
  const rights = Object.keys(capabilities).join(' ');
  return `${generated}
[Unit]
Description=${meaning}
Documentation=man:iot-security-agent(8)
# Forgotten as soon as it has ended, also when it failed.
CollectMode=inactive-or-failed

[Service]
Type=exec
ExecStart=${program} ${name}
SyslogIdentifier=iot-security-agent-inventory
StandardInput=null
StandardOutput=socket
StandardError=journal
# Nobody that anything belongs to.
DynamicUser=yes
User=iot-security-inv
Environment=NODE_OPTIONS=--max-semi-space-size=1
RuntimeMaxSec=${longestRunMs / 1000}
TimeoutStopSec=2
KillMode=control-group

${rightsText(capabilities)}
AmbientCapabilities=${rights}
CapabilityBoundingSet=${rights}
NoNewPrivileges=yes

# How much it may take.
MemoryMax=192M
MemorySwapMax=0
TasksMax=32
CPUQuota=100%
LimitNOFILE=256
LimitCORE=0
Nice=10
IOSchedulingClass=idle
OOMPolicy=kill

# What it cannot touch. No credential is given to it, and those of the agent are not there.
InaccessiblePaths=-/etc/iot-security-agent -/var/lib/iot-security-agent -/var/cache/iot-security-agent -/run/iot-security-agent
InaccessiblePaths=-/etc/shadow -/etc/shadow- -/etc/gshadow -/etc/gshadow- -/run/credentials -/run/dbus -/run/systemd/private
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
PrivateMounts=yes
RemoveIPC=yes
KeyringMode=private
${seesNetwork ? '# The rules are those of its network namespace, which is therefore the one of the device: nothing gets in or out.' : '# An empty network of its own.'}
PrivateNetwork=${seesNetwork ? 'no' : 'yes'}
IPAddressDeny=any
RestrictAddressFamilies=${['AF_UNIX', ...families].join(' ')}

# What it cannot ask of the kernel. Not ProtectHostname, which would keep the name of the host as it was at the start: without
# the capability and the system call nobody changes it.
ProtectKernelTunables=yes
# Not ProtectKernelModules, which would hide the list of what is built in (/lib/modules): without the capability and the
# system calls no module is loaded, and what the kernel would load by itself is not asked for.
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @mount @module @debug @cpu-emulation @obsolete @keyring
SystemCallErrorNumber=EPERM
`;
}

function rightsText(capabilities: InventoryDeclaration['capabilities']): string {
  const reasons = Object.entries(capabilities).map(
    ([capability, reason]) => `#   ${capability.padEnd(20)} ${reason}`,
  );
  if (reasons.length === 0) return '# It may do what anybody may, and nothing more.';
  return ['# What it may do beyond what anybody may.', ...reasons].join('\n');
}
