import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type koffiModule from 'koffi';
import { reasonOf } from '../../base/errors.js';
import type { Unavailable } from '../../base/unavailable.js';
import { errnoText } from '../../collectors/kernel/libc.js';

/*
 * systemd is asked over its bus, in the words of systemctl(1), because the agent starts no programs. Root uses the
 * private socket of PID 1, which needs no bus daemon; everybody may read properties over the system bus.
 */

export const agentUnit = 'iot-security-agent.service';

const privateSocket = '/run/systemd/private';
const destination = 'org.freedesktop.systemd1';
const answerTimeoutUs = 10_000_000;

export interface UnitState {
  /** `loaded`, `not-found`, `masked`, … */
  readonly load: string;
  /** `active`, `inactive`, `failed`, `activating`, … */
  readonly active: string;
  /** `running`, `dead`, `auto-restart`, `exit-code`, … */
  readonly sub: string;
  /** Why the last run ended: `success`, `exit-code`, `watchdog`, `oom-kill`, … */
  readonly result: string;
  /** `User=`; empty for root. */
  readonly user: string;
  /** `enabled`, `disabled`, `static`, `enabled-runtime`, … */
  readonly file: string;
  /** Path of the unit file; empty for a unit without one. */
  readonly fragment: string;
}

/** Each answers why it was refused; a start or a stop has then only begun. */
export interface SystemdManager {
  /** Starts the unit, or stops and starts it. */
  restart(unit: string): Unavailable | undefined;
  stop(unit: string): Unavailable | undefined;
  /** @param file a unit, or the path of a unit file that lies elsewhere @param runtime until the next boot only */
  enable(file: string, runtime: boolean): Unavailable | undefined;
  disable(unit: string, runtime: boolean): Unavailable | undefined;
  state(unit: string): UnitState | Unavailable;
  close(): void;
}

/** Connects to the manager of the system, or says why there is none. */
export async function openSystemdManager(): Promise<SystemdManager | Unavailable> {
  if (!existsSync('/run/systemd/system')) {
    return { unavailable: 'systemd does not run here' };
  }
  try {
    const { default: koffi } = await import('koffi');
    return connectBus(koffi);
  } catch (error) {
    return { unavailable: `libsystemd.so.0 cannot be used (${reasonOf(error)})` };
  }
}

function connectBus(koffi: typeof koffiModule): SystemdManager | Unavailable {
  const library = koffi.load('libsystemd.so.0');
  const bind = (definition: string) =>
    library.func(definition) as unknown as (...parameters: unknown[]) => number;
  const newBus = bind('int sd_bus_new(_Out_ void **bus)');
  const openSystem = bind('int sd_bus_open_system(_Out_ void **bus)');
  const setAddress = bind('int sd_bus_set_address(void *bus, const char *address)');
  const start = bind('int sd_bus_start(void *bus)');
  const setTimeout = bind('int sd_bus_set_method_call_timeout(void *bus, uint64_t usec)');
  const unref = bind('void *sd_bus_flush_close_unref(void *bus)');
  const call = bind(
    'int sd_bus_call_method(void *bus, const char *destination, const char *path, const char *interface, const char *member, void *error, void *reply, const char *types, ...)',
  );
  const property = bind(
    'int sd_bus_get_property_string(void *bus, const char *destination, const char *path, const char *interface, const char *member, void *error, _Out_ char **value)',
  );

  const isRoot = process.geteuid?.() === 0 && existsSync(privateSocket);
  const opened: [unknown] = [null];
  let answer = isRoot ? newBus(opened) : openSystem(opened);
  const [bus] = opened;
  if (answer >= 0 && isRoot) {
    answer = setAddress(bus, `unix:path=${privateSocket}`);
    if (answer >= 0) answer = start(bus);
  }
  if (answer < 0) return { unavailable: `systemd could not be asked: ${errnoText(answer)}` };
  setTimeout(bus, answerTimeoutUs);

  const ask = (unit: string, member: string, types: string, ...values: unknown[]) => {
    const typed = values.flatMap((value) => [typeof value === 'string' ? 'str' : 'int', value]);
    const path = '/org/freedesktop/systemd1';
    const scope = `${destination}.Manager`;
    const answered = call(bus, destination, path, scope, member, null, null, types, ...typed);
    return answered < 0 ? { unavailable: refusal(unit, answered) } : undefined;
  };

  return {
    restart(unit) {
      // A unit that failed too often would be refused.
      ask(unit, 'ResetFailedUnit', 's', unit);
      return ask(unit, 'RestartUnit', 'ss', unit, 'replace');
    },
    stop: (unit) => ask(unit, 'StopUnit', 'ss', unit, 'replace'),
    enable: (file, runtime) =>
      ask(file, 'EnableUnitFiles', 'asbb', 1, file, Number(runtime), 0) ?? ask(file, 'Reload', ''),
    disable: (unit, runtime) =>
      ask(unit, 'DisableUnitFiles', 'asb', 1, unit, Number(runtime)) ?? ask(unit, 'Reload', ''),
    state(unit) {
      let refused = 0;
      const read = (scope: string, name: string): string => {
        const value: [string | null] = [null];
        const scoped = `${destination}.${scope}`;
        const got = property(bus, destination, unitPath(unit), scoped, name, null, value);
        if (got < 0 && scope === 'Unit') refused = got;
        return value[0] ?? '';
      };
      const state = {
        load: read('Unit', 'LoadState'),
        active: read('Unit', 'ActiveState'),
        sub: read('Unit', 'SubState'),
        result: read('Service', 'Result'),
        user: read('Service', 'User'),
        file: read('Unit', 'UnitFileState'),
        fragment: read('Unit', 'FragmentPath'),
      };
      return refused < 0 ? { unavailable: refusal(unit, refused) } : state;
    },
    close: () => void unref(bus),
  };
}

function refusal(unit: string, errno: number): string {
  if (-errno === constants.errno.ENOENT) return `systemd knows no unit ${unit}`;
  return `systemd refused it: ${errnoText(errno)}`;
}

/** As `sd_bus_path_encode(3)` does: everything but letters and digits as `_` and two hexadecimal digits. */
function unitPath(unit: string): string {
  const label = unit.replace(
    /[^A-Za-z0-9]/g,
    (character) => `_${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `/org/freedesktop/systemd1/unit/${label}`;
}
