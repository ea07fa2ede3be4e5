import type { FileState } from '../facts/host-files.js';
import type { Home } from '../facts/homes.js';
import { check, type Check, failIf, listed, type Severity } from './check.js';

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
const writable = ({ mode }: FileState): boolean => (mode & 0o022) !== 0;

/** What `faultOf` finds wrong with homes that exist. */
function faults(
  homes: readonly Home[],
  faultOf: (home: Home, state: FileState) => readonly string[],
): string {
  return listed(
    homes.flatMap((home) => (home.state === undefined ? [] : faultOf(home, home.state))),
  );
}

interface ForbiddenRow {
  readonly name: string;
  readonly what: string;
  readonly severity: Severity;
  readonly section: string;
  readonly ruleId: string;
}

const forbidden: readonly ForbiddenRow[] = [
  {
    name: '.netrc',
    what: 'No home directory keeps passwords of other machines',
    severity: 'Important',
    section: '6.2.12',
    ruleId: 'c1b7767e-6c84-6a54-10b8-b9797a8d707a',
  },
  {
    name: '.rhosts',
    what: 'No home directory names machines that are let in unasked',
    severity: 'Critical',
    section: '6.2.14',
    ruleId: '28884fab-89e2-2250-a057-6f35637b4848',
  },
  {
    name: '.forward',
    what: 'No home directory sends mail elsewhere',
    severity: 'Warning',
    section: '6.2.11',
    ruleId: 'd02297d2-9f49-5276-0a92-5ac1e42e243c',
  },
];

export const homeChecks: readonly Check[] = [
  check({
    id: 'home-exists',
    subject: 'accounts',
    title: 'The home directory of each account exists',
    severity: 'Warning',
    expected: 'a directory for each account that has a login shell',
    remedy: 'Create it with mkhomedir_helper NAME, or remove the account with userdel NAME.',
    section: '6.2.7',
    ruleId: 'c07e6adc-93ab-1d40-2c6d-f3f16ca9561d',
    needs: ['homes'],
    judge: (homes) =>
      failIf(
        listed(
          homes.flatMap(({ account: { name, home }, state }) =>
            state?.kind === 'directory' ? [] : [`${name} (${home || 'none'})`],
          ),
        ),
      ),
  }),
  check({
    id: 'home-owned',
    subject: 'accounts',
    title: 'Each account owns its home directory',
    severity: 'Important',
    expected: 'each home directory owned by its account',
    remedy: 'Run chown NAME on the home directory of each.',
    section: '6.2.9',
    ruleId: '54e255d1-038a-860b-48a2-3d1821e34661',
    needs: ['homes'],
    judge: (homes) =>
      failIf(
        faults(homes, ({ account: { name, uid, home } }, state) =>
          state.uid === uid ? [] : [`${home} of ${name} (user ${state.uid})`],
        ),
      ),
  }),
  check({
    id: 'home-mode',
    subject: 'accounts',
    title: 'Home directories are closed to others',
    severity: 'Important',
    expected: 'each home directory with mode 0750 or stricter',
    remedy: 'Run chmod 750 on each; set HOME_MODE 0750 in /etc/login.defs.',
    ruleId: '0754488a-75c7-a4e8-0fb4-9212f771623f',
    needs: ['homes'],
    judge: (homes) =>
      failIf(
        // The root directory is the home of root on small systems, and cannot be closed.
        faults(homes, ({ account: { home } }, { mode }) =>
          home === '/' || (mode & 0o027) === 0 ? [] : [`${home} (${octal(mode)})`],
        ),
      ),
  }),
  check({
    id: 'home-dot-files',
    subject: 'accounts',
    title: 'Nobody can change what a shell of another account starts with',
    severity: 'Important',
    expected: 'no file whose name begins with a dot writable by group or others',
    remedy: 'Run chmod go-w on each file.',
    section: '6.2.10',
    ruleId: '086cb95b-5427-3ac0-9b98-c5c5b593579a',
    needs: ['homes'],
    judge: (homes) =>
      failIf(
        faults(homes, ({ account: { home }, dotFiles }) =>
          dotFiles
            .filter(writable)
            .map(({ name, mode }) => `${home.replace(/\/$/, '')}/${name} (${octal(mode)})`),
        ),
      ),
  }),
  ...forbidden.map(({ name, what, ...ids }) =>
    check({
      id: `home-${name.slice(1)}`,
      subject: 'accounts',
      title: what,
      expected: `no file ${name} in a home directory`,
      remedy: `Remove the file ${name} from each, and give the program that needs it another way in.`,
      ...ids,
      needs: ['homes'],
      judge: (homes) =>
        failIf(
          faults(homes, ({ account: { home }, dotFiles }) =>
            dotFiles.some((file) => file.name === name) ? [home] : [],
          ),
        ),
    }),
  ),
  check({
    id: 'home-authorized-keys',
    subject: 'ssh',
    title: 'Nobody can add a key to the account of another',
    severity: 'Critical',
    expected: 'each authorized_keys owned by its account or root, and writable by nobody else',
    remedy: 'Run chown NAME and chmod 600 on each file.',
    needs: ['homes'],
    judge: (homes) =>
      failIf(
        faults(homes, ({ account: { uid }, authorizedKeys }) =>
          authorizedKeys
            .filter((file) => writable(file) || (file.uid !== uid && file.uid !== 0))
            .map((file) => `${file.path} (user ${file.uid}, ${octal(file.mode)})`),
        ),
      ),
  }),
  check({
    id: 'account-root-path',
    subject: 'accounts',
    title: 'Root runs programs only from directories that root alone changes',
    severity: 'Critical',
    expected: 'absolute directories of root that nobody else can write in the search path',
    remedy:
      'Take these out of PATH in /etc/profile, ENV_SUPATH or /etc/environment, or guard them.',
    section: '6.2.6',
    ruleId: 'd66f8908-7b9f-77fc-18d4-af85197e0aeb',
    needs: ['shellDefaults'],
    judge: ({ rootPath }) =>
      failIf(
        listed(
          rootPath.flatMap(({ directory, state, file }) => {
            if (!directory.startsWith('/')) return [`'${directory}' in ${file}`];
            if (state === undefined) return [];
            if (state.uid !== 0) return [`${directory} owned by user ${state.uid}`];
            return writable(state) ? [`${directory} (${octal(state.mode)})`] : [];
          }),
        ),
      ),
  }),
  check({
    id: 'account-umask',
    subject: 'accounts',
    title: 'New files are closed to others',
    severity: 'Warning',
    expected: 'umask 027 or stricter in /etc/login.defs or /etc/profile, and nowhere a weaker one',
    remedy: 'Set UMASK 027 in /etc/login.defs, and umask 027 in /etc/profile.',
    ruleId: '0753438a-75c7-a4e8-0fb4-9213f771623f',
    needs: ['shellDefaults'],
    judge({ umasks }) {
      if (umasks.length === 0) return failIf('no file sets it');
      const weak = umasks.filter(({ value }) => (value & 0o027) !== 0o027);
      return failIf(
        listed(weak.map(({ file, value }) => `${value.toString(8).padStart(3, '0')} in ${file}`)),
      );
    },
  }),
  check({
    id: 'account-shell-timeout',
    subject: 'accounts',
    title: 'A shell that is left alone ends',
    severity: 'Informational',
    expected: 'TMOUT of 1 to 900 seconds in /etc/profile or /etc/profile.d',
    remedy: 'Write "readonly TMOUT=900; export TMOUT" to /etc/profile.d/timeout.sh.',
    needs: ['shellDefaults'],
    judge({ timeouts }) {
      const [first] = timeouts;
      if (first === undefined) return failIf('no file sets TMOUT');
      const bad = timeouts.find(({ value }) => value < 1 || value > 900);
      return failIf(bad !== undefined && `TMOUT=${bad.value} in ${bad.file}`);
    },
  }),
];
