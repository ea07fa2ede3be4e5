import { known, type SystemFiles, tidy, type Told } from './system-files.js';

/** The time zone by its name: where /etc/localtime leads, or what the file of the distribution says. */
export async function timeZone(files: SystemFiles): Promise<Told> {
  const { etcRoot } = files.paths;
  const target = await files.target(`${etcRoot}/localtime`);
  const linked = tidy(target?.split('/zoneinfo/')[1]?.replace(/^(posix|right)\//, ''));
  const named =
    linked ?? (await files.value(`${etcRoot}/timezone`)) ?? (await files.value(`${etcRoot}/TZ`));
  // localtime(5): without the file it is UTC. A file that is no link has no name.
  const none = !(await files.exists(`${etcRoot}/localtime`)) && target === undefined;
  return { details: known({ TimeZone: named ?? (none ? 'UTC' : undefined) }) };
}
