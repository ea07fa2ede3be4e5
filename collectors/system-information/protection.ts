import { known, type SystemFiles, type Told } from './system-files.js';

/** The variable of UEFI that tells it, with the GUID of the global ones (UEFI 2.10, 3.3). */
const secureBootVariable = 'SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** What guards the system: secure boot, a TPM, the security modules of the kernel, its lockdown. */
export async function protection(files: SystemFiles): Promise<Told> {
  const { sysRoot } = files.paths;
  const modules = await files.value(`${sysRoot}/kernel/security/lsm`);
  const lockdown = await files.text(`${sysRoot}/kernel/security/lockdown`);
  return {
    details: known({
      SecureBoot: await secureBoot(files),
      Tpm: await tpm(files),
      SecurityModules: modules,
      SELinux: await seLinux(files, modules),
      AppArmor: await appArmor(files, modules),
      Lockdown: /\[(\w{1,32})\]/.exec(lockdown ?? '')?.[1],
    }),
  };
}

/** Four bytes of attributes before the value. A board without UEFI may check its boot in ways that nothing tells. */
async function secureBoot(files: SystemFiles): Promise<string | undefined> {
  const efi = `${files.paths.sysRoot}/firmware/efi`;
  const variable = await files.bytes(`${efi}/efivars/${secureBootVariable}`);
  if (variable?.length === 5) return variable[4] === 1 ? 'on' : 'off';
  const isPc = await files.exists(`${files.paths.sysRoot}/class/dmi/id`);
  return isPc && !(await files.exists(efi)) ? 'unavailable' : undefined;
}

async function tpm(files: SystemFiles): Promise<string | undefined> {
  const chips = await files.names(`${files.paths.sysRoot}/class/tpm`);
  // A kernel that knows no TPM has no such directory, and says nothing about the board.
  if (chips === undefined) return undefined;
  const [chip] = chips;
  if (chip === undefined) return 'none';
  const major = await files.value(`${files.paths.sysRoot}/class/tpm/${chip}/tpm_version_major`);
  return major !== undefined && /^\d$/.test(major) ? major : 'present';
}

async function seLinux(files: SystemFiles, modules?: string): Promise<string | undefined> {
  const enforce = await files.value(`${files.paths.sysRoot}/fs/selinux/enforce`);
  if (enforce === '1') return 'enforcing';
  if (enforce === '0') return 'permissive';
  return isOff('selinux', modules);
}

async function appArmor(files: SystemFiles, modules?: string): Promise<string | undefined> {
  const enabled = await files.value(`${files.paths.sysRoot}/module/apparmor/parameters/enabled`);
  if (enabled === 'Y') return 'on';
  if (enabled === 'N') return 'off';
  return isOff('apparmor', modules);
}

const isOff = (name: string, modules?: string): string | undefined =>
  modules !== undefined && !modules.split(',').includes(name) ? 'off' : undefined;
