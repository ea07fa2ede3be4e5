import { known, type SystemFiles, tidy, type Told } from './system-files.js';

/** What hypervisors call themselves in the tables of the firmware that they make, by how a value begins. */
const hypervisors: readonly (readonly [string, string])[] = [
  ['QEMU', 'qemu'],
  ['KVM', 'kvm'],
  ['VMware', 'vmware'],
  ['VMW', 'vmware'],
  ['innotek GmbH', 'virtualbox'],
  ['VirtualBox', 'virtualbox'],
  ['Xen', 'xen'],
  ['Bochs', 'bochs'],
  ['Parallels', 'parallels'],
  ['BHYVE', 'bhyve'],
  ['Amazon EC2', 'amazon'],
  ['Google Compute Engine', 'google'],
  ['Virtual Machine', 'hyper-v'],
  ['OpenStack', 'kvm'],
];

/** Which virtual machine or container it is; `none` is said of a machine only where the processor tells it. */
export async function virtualization(files: SystemFiles): Promise<Told> {
  return {
    details: known({ Virtualization: await machine(files), Container: await container(files) }),
  };
}

async function machine(files: SystemFiles): Promise<string | undefined> {
  const { procRoot, sysRoot } = files.paths;
  const xen = await files.value(`${sysRoot}/hypervisor/type`);
  if (xen !== undefined) return xen.slice(0, 32);
  for (const name of [
    'product_name',
    'sys_vendor',
    'board_vendor',
    'chassis_vendor',
    'bios_vendor',
  ]) {
    const value = await files.value(`${sysRoot}/class/dmi/id/${name}`);
    const found = hypervisors.find(([beginning]) => value?.startsWith(beginning));
    if (found !== undefined) return found[1];
  }
  const tree = await files.value(`${sysRoot}/firmware/devicetree/base/hypervisor/compatible`);
  if (tree !== undefined) return tree.split(',')[0]?.slice(0, 32);
  const flags = /^flags\s*:(.*)$/m.exec((await files.text(`${procRoot}/cpuinfo`)) ?? '')?.[1];
  if (flags === undefined) return undefined;
  return / hypervisor( |$)/.test(flags) ? 'unknown hypervisor' : 'none';
}

/** The marks that the common runtimes leave; without one nothing is said. */
async function container(files: SystemFiles): Promise<string | undefined> {
  const { procRoot, root } = files.paths;
  const told =
    (await files.value(`${root}/run/host/container-manager`)) ??
    (await files.value(`${root}/run/systemd/container`)) ??
    tidy(/(?:^|\0)container=([^\0]+)/.exec((await files.text(`${procRoot}/1/environ`)) ?? '')?.[1]);
  if (told !== undefined) return told.slice(0, 32);
  if (await files.exists(`${root}/run/.containerenv`)) return 'podman';
  if (await files.exists(`${root}/.dockerenv`)) return 'docker';
  const groups = (await files.text(`${procRoot}/1/cgroup`)) ?? '';
  return /\/(docker|lxc|kubepods)\b/.exec(groups)?.[1];
}
