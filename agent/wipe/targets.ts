import { basename, dirname, join, resolve } from 'node:path';
import type { LocalSettings } from '../../config/local-settings.js';
import { secretNames } from '../enroll/configuration.js';
import { secretFilesOf } from '../identity/credentials/secret-files.js';
import { stateNames } from '../state/state-directory.js';
import { statusSocket } from '../status/service.js';
import type { Left, Selection } from './remove-tree.js';

/** Directories that are the agent's own wherever a package or systemd made them: all that is in them goes. */
export interface StandardPlaces {
  readonly configuration: string;
  readonly state: string;
  readonly runtime: string;
  readonly cache: string;
}

export const standardPlaces: StandardPlaces = {
  configuration: '/etc/iot-security-agent',
  state: '/var/lib/iot-security-agent',
  runtime: '/run/iot-security-agent',
  cache: '/var/cache/iot-security-agent',
};

export interface Target {
  readonly directory: string;
  readonly selection: Selection;
}

export interface Targets {
  readonly targets: readonly Target[];
  /** What the settings name elsewhere: it may belong to others as well. */
  readonly elsewhere: readonly Left[];
}

/** A file of ours, or what stands beside it while it is replaced, and after that failed. */
const isFile = (name: string, ours: string): boolean =>
  [ours, `${ours}.new`, `${ours}.before-enroll`].includes(name);

/** Of the spool, what is being counted and what is remembered; see `agent/spool/`. */
const journalFile = /^(heads|lock|[a-z]+-\d{15}\.journal)(\.\d+)?(\.new|\.quarantine(-[2-4])?)?$/;
/** Of what collectors remember; see `agent/state/kept-memory.ts`. */
const memoryFile = /^[a-z-]+\.json(\.new)?(\.quarantine(-[2-4])?)?$/;
const suffix = /(\.new|\.quarantine(-[2-4])?)+$/;

/** Whether the agent itself puts this into a state directory. */
function isOfState([name = '', inner, ...deeper]: readonly string[]): boolean {
  const plain = name.replace(suffix, '');
  if (!Object.values<string>(stateNames).includes(plain) || deeper.length > 0) return false;
  if (inner === undefined) return true;
  if (plain === stateNames.memory) return memoryFile.test(inner);
  const journals: readonly string[] = [stateNames.spool, stateNames.aggregates, stateNames.history];
  return journals.includes(plain) && journalFile.test(inner);
}

/**
 * The directories in which the agent has files, and which of these are its own. In a directory of another name, which may
 * be shared, only what the agent itself puts there, and the files that the settings name there: a directory named in place
 * of a file is somebody else's, with all that is in it.
 * @param keepChangeNote the kernel is still changed, and the note tells what to undo
 */
export function targetsOf(
  configFile: string,
  settings: LocalSettings,
  standard: StandardPlaces,
  keepChangeNote: boolean,
): Targets {
  const configuration = dirname(resolve(configFile));
  const secrets = secretFilesOf(settings).map((path) => resolve(path));
  const inside = secrets.filter((path) => dirname(path) === configuration).map(nameOf);
  const secretFiles = new Set<string>(
    configuration === standard.configuration ? [...Object.values(secretNames), ...inside] : inside,
  );
  const isSecret = (name: string): boolean => [...secretFiles].some((ours) => isFile(name, ours));
  const none = (): boolean => false;
  const { metricsFile, runtimeDirectory, stateDirectory, trustedCaFile } = settings;
  const state = resolve(stateDirectory);
  const runtime = resolve(runtimeDirectory);
  const settingsName = nameOf(resolve(configFile));
  const targets: Target[] = [
    {
      directory: configuration,
      selection: {
        isOurs: ([name = '', ...deeper]) =>
          configuration === standard.configuration ||
          (deeper.length === 0 && (isFile(name, settingsName) || isSecret(name))),
        isSecret,
        ...(configuration !== standard.configuration && { keepsDirectory: true }),
      },
    },
    {
      directory: state,
      selection: {
        isOurs: (way) => state === standard.state || isOfState(way),
        isSecret: none,
        ...(keepChangeNote && {
          keeps: { path: join(state, stateNames.changeNote), why: 'it says what is to be undone' },
        }),
      },
    },
    {
      directory: runtime,
      selection: {
        isOurs: ([name, ...deeper]) =>
          runtime === standard.runtime ||
          (deeper.length === 0 && name === nameOf(statusSocket('/'))),
        isSecret: none,
      },
    },
  ];
  // The unit alone has one.
  if (configuration === standard.configuration)
    targets.push({
      directory: standard.cache,
      selection: { isOurs: () => true, isSecret: none },
    });
  if (metricsFile !== undefined)
    targets.push({
      directory: dirname(resolve(metricsFile)),
      selection: {
        isOurs: ([name = '', ...deeper]) =>
          deeper.length === 0 && isFile(name, nameOf(metricsFile)),
        isSecret: none,
        keepsDirectory: true,
      },
    });
  const others = [...secrets, ...(trustedCaFile === undefined ? [] : [resolve(trustedCaFile)])];
  return {
    targets,
    elsewhere: others
      .filter((path) => dirname(path) !== configuration)
      .map((path) => ({
        path,
        why: `the settings name it, outside of ${configuration}; remove it yourself if nothing else needs it`,
      })),
  };
}

function nameOf(path: string): string {
  return basename(path);
}
