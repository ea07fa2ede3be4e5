// Bundles the agent into one file (dist/iot-security-agent.cjs) with the native part of koffi beside it, the inventory
// process into another, and the stand-in hub into a third that never goes to a device; the built-in rules lie beside them.
// Packages in dist/ stay there.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bootstrap.mjs';
import { builtinDirectory, copyBuiltinRules } from './builtin-rules.mjs';
import { bundleAgent, bundleInventory, bundleLocalHub } from './bundle.mjs';

const dist = join(root, 'dist');

function copyNativeParts() {
  const packages = join(root, 'node_modules', '@koromix');
  if (!existsSync(packages)) return;
  for (const name of readdirSync(packages).filter((entry) => entry.startsWith('koffi-linux-'))) {
    for (const triplet of readdirSync(join(packages, name))) {
      if (!statSync(join(packages, name, triplet)).isDirectory()) continue;
      cpSync(join(packages, name, triplet), join(dist, 'koffi', triplet), { recursive: true });
    }
  }
}

const outputs = ['iot-security-agent.cjs', 'iot-security-agent-inventory.cjs', 'local-hub.cjs'];
for (const output of [...outputs, 'koffi', builtinDirectory]) {
  rmSync(join(dist, output), { recursive: true, force: true });
}
mkdirSync(dist, { recursive: true });
const agent = join(dist, 'iot-security-agent.cjs');
await bundleAgent({ outfile: agent });
const inventory = join(dist, 'iot-security-agent-inventory.cjs');
await bundleInventory({ outfile: inventory });
// Units run them by their names.
for (const program of [agent, inventory]) chmodSync(program, 0o755);
await bundleLocalHub(join(dist, 'local-hub.cjs'));
copyNativeParts();
copyBuiltinRules(dist);
