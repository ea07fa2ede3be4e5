import { machine } from 'node:os';
import { known, type SystemFiles, type Told } from './system-files.js';

/** The kernel that runs, since when, and under which name. */
export async function kernel(files: SystemFiles): Promise<Told> {
  const { procRoot, root } = files.paths;
  const of = (name: string): Promise<string | undefined> =>
    files.value(`${procRoot}/sys/kernel/${name}`);
  const seconds = /^(\d+)(\.\d+)? /.exec((await files.text(`${procRoot}/uptime`)) ?? '')?.[1];
  return {
    fields: known({ HostName: await of('hostname') }),
    details: known({
      KernelRelease: await of('osrelease'),
      KernelVersion: await of('version'),
      // In /proc since Linux 6.1; uname(2) is about the kernel of this process and says nothing about another root.
      KernelArchitecture: (await of('arch')) ?? (root === '' ? machine() : undefined),
      BootId: await of('random/boot_id'),
      UptimeSeconds: seconds,
    }),
  };
}
