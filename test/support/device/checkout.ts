import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { writeInto } from './container.js';

const repository = join(import.meta.dirname, '..', '..', '..');
const inside = '/opt/iot-security-agent';

/** What a container needs of this machine to run the checkout. */
export const checkoutBinds = { [repository]: inside, [process.execPath]: '/usr/bin/node' };

/** Has a container run the built checkout as if a package had installed it: units, program and user, but no settings. */
export function installCheckout(root: string): void {
  for (const file of readdirSync(join(repository, 'systemd'))) {
    if (!/\.(service|socket)$/.test(file)) continue;
    const text = readFileSync(join(repository, 'systemd', file), 'utf8');
    writeInto(root, `/etc/systemd/system/${file}`, text);
  }
  const bundle = `${inside}/dist/iot-security-agent.cjs`;
  symlinkSync(bundle, join(root, '/usr/bin/iot-security-agent'));
  writeInto(root, '/etc/sysusers.d/agent.conf', 'u iot-security-agent - "Security agent"\n');
  writeInto(root, '/etc/hosts', '127.0.0.1 localhost\n');
}
