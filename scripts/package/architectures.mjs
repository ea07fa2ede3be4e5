// What differs between the architectures of Debian that the agent is packaged for.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../bootstrap.mjs';

/** The vendored Node: its exact version and what the registry's archives must hash to. The one place to change. */
export const runtime = JSON.parse(
  readFileSync(join(root, 'scripts', 'package', 'runtime.json'), 'utf8'),
);

const vendored = {
  interpreter: '/usr/lib/iot-security-agent-node/node',
  // A major version of Node is a change that the agent is tested with before a device gets it.
  dependency: `iot-security-agent-node (>= ${runtime.version}), iot-security-agent-node (<< ${Number(runtime.version.split('.')[0]) + 1})`,
};

export const architectures = {
  amd64: { ...vendored, koffi: 'koffi-linux-x64', triplet: 'linux_x64', strip: 'strip' },
  arm64: {
    ...vendored,
    koffi: 'koffi-linux-arm64',
    triplet: 'linux_arm64',
    strip: 'aarch64-linux-gnu-strip',
  },
  // Nobody builds Node 24 for 32-bit arm any more; the distribution's own takes its trusted CAs from ca-certificates.
  armhf: {
    interpreter: '/usr/bin/node',
    dependency: 'nodejs (>= 20.19), ca-certificates',
    koffi: 'koffi-linux-arm',
    triplet: 'linux_armhf',
  },
};
