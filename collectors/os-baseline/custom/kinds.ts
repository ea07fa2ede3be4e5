import {
  check,
  type Check,
  type CheckText,
  error,
  fail,
  failIf,
  listed,
  pass,
} from '../checks/check.js';
import type { Members } from './members.js';
import { matcherOf } from './text-pattern.js';

/** What the author of a check says of it, whatever its kind. */
export type CustomText = Omit<CheckText, 'expected'>;

type Kind = (members: Members, text: CustomText) => Check | Promise<Check>;

const absolutePath = /^\/[^\0\n]{0,1023}$/;
const isPath = (members: Members): string => members.text('path', 'an absolute path', absolutePath);
const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** Whether there is such a file. */
const file: Kind = (members, text) => {
  const path = isPath(members);
  const exists = members.flag('exists', true);
  return check({
    ...text,
    expected: `${path} ${exists ? 'exists' : 'does not exist'}`,
    needs: [`?file:${path}`],
    judge(state) {
      if (exists) return state === undefined ? fail(`${path} does not exist`) : pass;
      return state === undefined ? pass : fail(`${path} exists`);
    },
  });
};

/** Owner, group and mode of a file. */
const permission: Kind = (members, text) => {
  const path = isPath(members);
  const modeText = members.text('mode', 'octal digits in quotes, such as "0640"', /^0?[0-7]{3,4}$/);
  const mode = Number.parseInt(modeText, 8);
  const name = /^[a-z_][a-z0-9_.-]{0,31}\$?$/i;
  const owner = members.has('owner') ? members.text('owner', 'the name of a user', name) : 'root';
  const group = members.has('group')
    ? members.text('group', 'the name of a group', name)
    : undefined;
  return check({
    ...text,
    expected: `${path} owned by ${owner}${group === undefined ? '' : `:${group}`}, mode ${octal(mode)} or stricter`,
    needs: [`file:${path}`, '?accounts', '?groups'],
    judge(state, accounts, groups) {
      const uid = owner === 'root' ? 0 : accounts?.all.find(({ name }) => name === owner)?.uid;
      if (uid === undefined) return error(`there is no user ${owner}`);
      const gid = groups?.find((other) => other.name === group)?.gid;
      if (group !== undefined && gid === undefined) return error(`there is no group ${group}`);
      const faults = [
        state.uid !== uid && `owned by user ${state.uid}`,
        gid !== undefined && state.gid !== gid && `group ${state.gid}`,
        (state.mode & ~mode) !== 0 && `mode ${octal(state.mode)}`,
      ].filter((fault) => fault !== false);
      return failIf(faults.join(', '));
    },
  });
};

/** A parameter of the running kernel. */
const sysctl: Kind = (members, text) => {
  const name = members.text(
    'name',
    'the name of a parameter, such as net.ipv4.ip_forward',
    /^[a-z0-9_-]+(\.[a-zA-Z0-9_@:-]+)+$/,
  );
  const values = members.texts('values', 'values that are well', /^[^\0\n]{0,256}$/, 16);
  return check({
    ...text,
    expected: `${name} = ${values.join(' or ')}`,
    needs: [`parameter:${name}`],
    // Several numbers stand between tabs.
    judge: (value) =>
      values.includes(value.replaceAll(/\s+/g, ' ')) ? pass : fail(`${name} has another value`),
  });
};

/** A mount with its options. */
const mount: Kind = (members, text) => {
  const path = isPath(members);
  const options = members.has('options')
    ? members.texts('options', 'mount options', /^[a-z0-9_=-]{1,64}$/i, 16)
    : [];
  return check({
    ...text,
    expected: `${path} is a mount of its own${options.length > 0 ? ` with ${options.join(',')}` : ''}`,
    needs: ['mounts'],
    judge(mounts) {
      const found = mounts.at(path);
      if (found === undefined) return fail(`${path} is not a mount of its own`);
      const missing = options.filter(
        (option) => !found.options.has(option) && !found.superOptions.has(option),
      );
      return failIf(missing.length > 0 && `${path} lacks ${missing.join(',')}`);
    },
  });
};

/** A unit of systemd, or a script of another init as NAME.service. */
const unit: Kind = (members, text) => {
  const name = members.text(
    'name',
    'the full name of a unit, such as ssh.service',
    /^[\w@:.\\-]{1,255}\.[a-z]+$/,
  );
  const state = members.choice('state', ['running', 'enabled', 'off']);
  return check({
    ...text,
    expected: state === 'off' ? `${name} neither runs nor starts by itself` : `${name} is ${state}`,
    needs: ['units'],
    judge({ all }) {
      const found = all.get(name);
      const active = found?.active;
      const enabled = found?.enabled === true && !found.masked;
      switch (state) {
        case 'running':
          if (found !== undefined && active === undefined)
            return error(`whether ${name} runs is not known without the bus of systemd`);
          return active === true ? pass : fail(`${name} does not run`);
        case 'enabled':
          return enabled ? pass : fail(`${name} is not enabled`);
        case 'off':
          if (active === true) return fail(`${name} runs`);
          return enabled ? fail(`${name} is enabled`) : pass;
      }
    },
  });
};

/** A package of dpkg, opkg or apk. */
const packageKind: Kind = (members, text) => {
  const name = members.text('name', 'the name of a package', /^[a-z0-9][a-z0-9+._-]{0,127}$/i);
  const installed = members.flag('installed', true);
  return check({
    ...text,
    expected: `${name} is ${installed ? '' : 'not '}installed`,
    needs: ['packages'],
    judge({ versions }) {
      const version = versions.get(name);
      if (installed) return version === undefined ? fail(`${name} is not installed`) : pass;
      return version === undefined ? pass : fail(`${name} ${version} is installed`);
    },
  });
};

/** A port at which the device waits for others. */
const listener: Kind = (members, text) => {
  const transport = members.choice('transport', ['tcp', 'udp']);
  const port = members.integer('port', 1, 65_535);
  const open = members.choice('open', ['nowhere', 'on-loopback', 'anywhere']);
  const says = {
    nowhere: 'nothing listens',
    'on-loopback': 'only the device itself is served',
    anywhere: 'something listens',
  };
  return check({
    ...text,
    expected: `at ${transport} port ${port} ${says[open]}`,
    needs: ['listeners'],
    judge(listeners) {
      const there = listeners.filter((one) => one.transport === transport && one.port === port);
      if (open === 'anywhere') return there.length > 0 ? pass : fail('nothing listens there');
      const wrong = open === 'nowhere' ? there : there.filter(({ loopback }) => !loopback);
      return failIf(
        listed(wrong.map(({ address, executable = 'a program' }) => `${executable} at ${address}`)),
      );
    },
  });
};

/** A line of a text, by a regular expression that takes time in proportion to the text. */
const textKind: Kind = async (members, text) => {
  const path = isPath(members);
  const pattern = members.text('pattern', 'a regular expression of RE2', /^[^\0\n]{1,256}$/);
  const present = members.flag('present', true);
  const matches = await matcherOf(pattern, text.id);
  return check({
    ...text,
    expected: `${present ? 'a' : 'no'} line of ${path} matches`,
    needs: [`text:${path}`],
    judge(content) {
      // What the file says may be secret: only where it says it is told.
      const found = matches(content);
      if (found === 'too-long') return error(`${path} is longer than the 64 KB that are searched`);
      if (present) return found === undefined ? fail(`no line of ${path} matches`) : pass;
      return found === undefined ? pass : fail(`line ${found} of ${path} matches`);
    },
  });
};

/** The kinds of custom checks; each is the key that holds what is particular to it. */
export const customKinds = {
  file,
  permission,
  sysctl,
  mount,
  unit,
  package: packageKind,
  listener,
  text: textKind,
} as const satisfies Readonly<Record<string, Kind>>;

export const customKindNames = Object.keys(customKinds) as readonly (keyof typeof customKinds)[];
