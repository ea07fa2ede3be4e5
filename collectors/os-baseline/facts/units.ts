import { posix } from 'node:path';
import { plainReason } from '../../../base/errors.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { openSystemBus, type SystemBus } from '../../kernel/system-bus/system-bus.js';
import { type BusValue, listOf } from '../../kernel/system-bus/wire.js';
import type { FactContext, SubjectReader } from './fact-reader.js';
import type { HostFiles } from './host-files.js';
import { found } from './reading.js';
import { scriptsOf, type Unit } from './init-scripts.js';

/** The services of the device and what starts them: units of systemd, or scripts of another init as `NAME.service`. */
export interface Units {
  /** By the full name, as `sshd.service`. */
  readonly all: ReadonlyMap<string, Unit>;
  /** `bus`: as systemd has them; `files`: as far as unit files, links and scripts tell. */
  readonly source: 'bus' | 'files';
}

const manager = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;

/** Of `ListUnitFiles`: what a start of the device or an event starts. */
const enabledStates: ReadonlySet<string> = new Set(['enabled', 'enabled-runtime']);
const mostUnits = 20_000;

/** Those that systemd knows of, asked over the bus; where it cannot be asked, what files tell. */
export const readUnits: SubjectReader<Units> = async (context) => {
  const { host, signal } = context;
  const bus = await openSystemBus(`${host.paths.root}/run/dbus/system_bus_socket`, signal);
  if (isUnavailable(bus)) return found(await unitsOfFiles(context, bus.unavailable));
  try {
    return found({ all: await askSystemd(bus), source: 'bus' });
  } catch (error) {
    signal.throwIfAborted();
    return found(await unitsOfFiles(context, plainReason(error)));
  } finally {
    bus.close();
  }
};

async function askSystemd(bus: SystemBus): Promise<Map<string, Unit>> {
  const [files] = await bus.call({ ...manager, member: 'ListUnitFiles' });
  const [loaded] = await bus.call({ ...manager, member: 'ListUnits' });
  return joined(listOf(files), listOf(loaded));
}

/** `a(ss)`: path and state of each unit file; `a(ssssssouso)`: name, description, load, active state, … of each unit. */
export function joined(files: readonly BusValue[], loaded: readonly BusValue[]): Map<string, Unit> {
  const units = new Map<string, Unit>();
  for (const file of files.slice(0, mostUnits)) {
    const [path, state] = listOf(file);
    if (typeof path !== 'string' || typeof state !== 'string') continue;
    units.set(posix.basename(path), {
      enabled: enabledStates.has(state),
      masked: state.startsWith('masked'),
      active: false,
    });
  }
  for (const unit of loaded.slice(0, mostUnits)) {
    const [name, , load, active] = listOf(unit);
    if (typeof name !== 'string' || load === 'not-found') continue;
    const isActive = active === 'active' || active === 'activating' || active === 'reloading';
    const known = units.get(name) ?? { enabled: false, masked: load === 'masked' };
    units.set(name, { ...known, active: isActive });
  }
  return units;
}

const unitDirectories = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
const mostDirectories = 512;

async function unitsOfFiles({ files, limit }: FactContext, whyNoBus: string): Promise<Units> {
  const all = new Map<string, Unit>();
  const problems: string[] = [];
  let directories = 0;
  for (const directory of unitDirectories) {
    const names = await files.names(directory);
    if ('unreadable' in names) problems.push(names.unreadable);
    for (const name of 'value' in names ? names.value : []) {
      if (/\.(wants|requires)$/.test(name)) {
        if (++directories > mostDirectories) continue;
        const wanted = await files.names(`${directory}/${name}`);
        for (const unit of 'value' in wanted ? wanted.value : [])
          all.set(unit, { masked: false, ...all.get(unit), enabled: true });
      } else if (isUnitName(name) && !all.has(name)) {
        all.set(name, { enabled: false, masked: await isMask(files, `${directory}/${name}`) });
      }
    }
  }
  for (const [name, unit] of await scriptsOf(files)) if (!all.has(name)) all.set(name, unit);
  limit(`Services are known from files alone, not whether they run: ${whyNoBus}.`);
  for (const problem of problems) limit(`${problem}.`);
  return { all, source: 'files' };
}

const isUnitName = (name: string): boolean =>
  /\.(service|socket|timer|path|mount|automount|target)$/.test(name);

/** A link to /dev/null in the place of a unit (systemctl(1), mask). */
async function isMask(files: HostFiles, path: string): Promise<boolean> {
  const target = await files.target(path);
  return 'value' in target && target.value === '/dev/null';
}

/** Whether a unit of one of these names runs or starts by itself; its name, or undefined. */
export function runningOf(units: Units, names: readonly string[]): string | undefined {
  return names.find((name) => {
    const unit = units.all.get(name);
    return unit !== undefined && !unit.masked && (unit.enabled || unit.active === true);
  });
}
