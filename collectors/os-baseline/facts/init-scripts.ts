import type { HostFiles } from './host-files.js';

export interface Unit {
  /** Whether it starts by itself, at boot or when something happens. */
  readonly enabled: boolean;
  /** Nothing can start it. */
  readonly masked: boolean;
  /** Whether it runs now; undefined where only files tell. */
  readonly active?: boolean;
}

const runLevels = ['2', '3', '4', '5', 'S'].map((level) => `/etc/rc${level}.d`);

/**
 * What the scripts of another init start: `/etc/rcN.d/S20name` of System V, `/etc/init.d/S20name` of BusyBox as Buildroot
 * lays it out, `/etc/runlevels/*` of OpenRC; and scripts of `/etc/init.d` that nothing starts.
 */
export async function scriptsOf(files: HostFiles): Promise<Map<string, Unit>> {
  const units = new Map<string, Unit>();
  const set = (name: string, enabled: boolean): void =>
    void units.set(`${name}.service`, { enabled, masked: false });
  const scripts = await namesIn(files, '/etc/init.d');
  for (const script of scripts) {
    const started = startedBy(script);
    if (started !== undefined) set(started, true);
    else if (/^[a-z]/.test(script)) set(script, false);
  }
  for (const directory of runLevels)
    for (const link of await namesIn(files, directory)) {
      const started = startedBy(link);
      if (started !== undefined) set(started, true);
    }
  for (const level of await namesIn(files, '/etc/runlevels'))
    for (const script of await namesIn(files, `/etc/runlevels/${level}`)) set(script, true);
  return units;
}

const startedBy = (name: string): string | undefined => /^S\d\d(.+)$/.exec(name)?.[1];

async function namesIn(files: HostFiles, directory: string): Promise<readonly string[]> {
  const names = await files.names(directory);
  return 'value' in names ? names.value : [];
}
