import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Event } from '../running-agent.js';

const run = promisify(execFile);

type Told = Event['Payload'][number];

/** What an agent must tell of one step, once: an event whose fields and details are these. */
export interface Expected {
  readonly event: 'StateChange' | 'FileChange';
  readonly fields: Readonly<Record<string, string | RegExp>>;
  readonly details?: Readonly<Record<string, string | RegExp>>;
}

/** Something of this machine that is made, changed and taken away again. */
export interface HostChange {
  readonly name: string;
  readonly add: Step;
  readonly change?: Step;
  readonly remove: Step;
}

interface Step {
  readonly run: () => Promise<unknown>;
  readonly told: Expected;
}

/** Whether a payload of the event is what was expected. */
export function matches({ fields, details = {} }: Expected, payload: Told): boolean {
  const all = { ...payload, ...payload.ExtraDetails } as Readonly<
    Record<string, string | number | boolean | undefined>
  >;
  return Object.entries({ ...fields, ...details }).every(([field, wanted]) => {
    const found = String(all[field] ?? '');
    return typeof wanted === 'string' ? found === wanted : wanted.test(found);
  });
}

const accountFiles = ['passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid'].flatMap(
  (name) => [`/etc/${name}`, `/etc/${name}-`],
);
const keyFile = '/root/.ssh/authorized_keys';

/** A program of a shell of its own, whose pid and user the agent is to tell. */
const shell = (script: string): Promise<unknown> => run('/bin/sh', ['-c', script]);

const byShell = { ProcessId: /^[1-9]\d*$/, Executable: /^\/(usr\/)?bin\/(da|ba)?sh$/, UserId: '0' };
const byRm = { ProcessId: /^[1-9]\d*$/, Executable: /^\/(usr\/)?bin\/rm$/, UserId: '0' };

function file(name: string, path: string, content: string): HostChange {
  const told = (fields: Expected['fields'], details?: Expected['details']): Expected => ({
    event: 'FileChange',
    fields: { Path: path, ...fields },
    ...(details !== undefined && { details }),
  });
  const hash = /^[0-9a-f]{64}$/;
  return {
    name,
    add: {
      run: () => shell(`echo '${content}' > ${path}`),
      told: told({ Change: 'Created', ...byShell }, { HashBefore: '', HashAfter: hash }),
    },
    change: {
      run: () => shell(`echo '# more' >> ${path}`),
      told: told({ Change: 'Changed', ...byShell }, { HashBefore: hash, HashAfter: hash }),
    },
    remove: {
      run: () => run('rm', [path]),
      told: told({ Change: 'Deleted', ...byRm }, { HashBefore: hash, HashAfter: '' }),
    },
  };
}

/** A subject of `StateChange`: what is told of it when it comes, becomes another and goes. */
function state(
  Subject: string,
  Item: string | RegExp,
  texts: { readonly after: RegExp; readonly changed?: RegExp },
): { readonly add: Expected; readonly change: Expected; readonly remove: Expected } {
  const event = 'StateChange';
  const { after, changed = after } = texts;
  return {
    add: { event, fields: { Subject, Item, Change: 'Added', Before: '', After: after } },
    change: { event, fields: { Subject, Item, Change: 'Changed', Before: after, After: changed } },
    remove: { event, fields: { Subject, Item, Change: 'Removed', Before: changed, After: '' } },
  };
}

/**
 * What a test changes on this machine under a name of its own, and gives back: files as they were, with the content that
 * they had.
 */
export class ChangedHost {
  private readonly contents = new Map<string, Buffer | undefined>();
  private listener: ChildProcess | undefined;

  constructor(private readonly mark: string) {
    for (const path of [...accountFiles, keyFile])
      this.contents.set(path, existsSync(path) ? readFileSync(path) : undefined);
    mkdirSync('/root/.ssh', { recursive: true, mode: 0o700 });
    rmSync(keyFile, { force: true });
  }

  readonly hasModules = existsSync('/proc/modules');

  /** Each of them is independent of the others. */
  changes(): readonly HostChange[] {
    const { mark } = this;
    const account = state('User', mark, { after: /shell \/bin\/sh$/, changed: /\/bin\/bash$/ });
    const member = state('GroupMember', `${mark} in games`, { after: /^gid / });
    const password = state('Password', mark, { after: /./, changed: /^set / });
    const socket = state('ListeningPort', 'tcp 127.0.0.1:27113', { after: /node.*, user root$/ });
    const rule = state('FirewallRule', new RegExp(`^inet ${mark} rules: .*27113`), {
      after: /^accept/i,
      changed: /^drop/i,
    });
    const program = `/usr/local/bin/${mark}`;
    const setUid = state('SetUidFile', program, { after: /4755/, changed: /6755/ });
    const unit = state('Unit', `${mark}.service`, { after: /./, changed: /./ });
    const device = state('Device', `Network /sys/devices/virtual/net/${mark}`, {
      after: /virtual/,
    });
    const unitFile = `/etc/systemd/system/${mark}.service`;
    return [
      {
        name: 'a user',
        add: {
          run: () => run('useradd', ['-M', '-G', 'games', '-s', '/bin/sh', mark]),
          told: account.add,
        },
        change: {
          run: () => run('usermod', ['-s', '/bin/bash', mark]),
          told: account.change,
        },
        remove: { run: () => run('userdel', [mark]), told: account.remove },
      },
      // Of the same user, by the same commands.
      { name: 'a member of a group', add: silent(member.add), remove: silent(member.remove) },
      {
        name: 'a password',
        add: silent(password.add),
        change: {
          run: () => shell(`echo '${mark}:a password of a test' | chpasswd`),
          told: password.change,
        },
        remove: silent(password.remove),
      },
      file('a key', keyFile, `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ${mark}`),
      file('a cron entry', `/etc/cron.d/${mark}`, '# nothing is started'),
      {
        name: 'a unit',
        add: { run: () => writeUnit(unitFile, '/bin/true'), told: unit.add },
        change: { run: () => writeUnit(unitFile, '/bin/false'), told: unit.change },
        remove: { run: () => run('rm', [unitFile]), told: unit.remove },
      },
      {
        name: 'a set-uid file',
        add: {
          run: () => shell(`cp /bin/true ${program} && chmod 4755 ${program}`),
          told: setUid.add,
        },
        change: { run: () => run('chmod', ['6755', program]), told: setUid.change },
        remove: { run: () => run('rm', [program]), told: setUid.remove },
      },
      {
        name: 'a firewall rule',
        add: { run: () => this.filter('accept'), told: rule.add },
        change: { run: () => this.filter('drop'), told: rule.change },
        remove: { run: () => run('nft', ['delete', 'table', 'inet', mark]), told: rule.remove },
      },
      {
        name: 'a listener',
        add: { run: () => this.listen(), told: socket.add },
        remove: { run: () => this.endListening(), told: socket.remove },
      },
      {
        name: 'a virtual device',
        add: { run: () => run('ip', ['link', 'add', mark, 'type', 'bridge']), told: device.add },
        remove: { run: () => run('ip', ['link', 'delete', mark]), told: device.remove },
      },
      ...(this.hasModules ? [kernelModule()] : []),
    ];
  }

  /** A chain at no hook: no packet goes through it. */
  private filter(verdict: string): Promise<unknown> {
    const { mark } = this;
    const chain = `table inet ${mark} { chain rules { tcp dport 27113 ${verdict} comment "${mark}"; }; }`;
    const script = `add table inet ${mark}; delete table inet ${mark}; ${chain}`;
    return run('nft', [script]);
  }

  private listen(): Promise<void> {
    const program = "require('node:net').createServer().listen(27113, '127.0.0.1')";
    this.listener = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    return Promise.resolve();
  }

  private async endListening(): Promise<void> {
    const { listener } = this;
    this.listener = undefined;
    if (listener === undefined || listener.exitCode !== null) return;
    const ended = new Promise((resolve) => listener.once('exit', resolve));
    listener.kill('SIGKILL');
    await ended;
  }

  /** Gives everything back, whatever of it is still there. */
  async undo(): Promise<void> {
    const { mark } = this;
    await this.endListening();
    for (const [program, ...args] of [
      ['nft', 'delete', 'table', 'inet', mark],
      ['ip', 'link', 'delete', mark],
      ['userdel', mark],
      ...(this.hasModules ? [['modprobe', '--remove', moduleName]] : []),
    ] as [string, ...string[]][])
      await run(program, args).catch(() => undefined);
    for (const path of [
      `/etc/cron.d/${mark}`,
      `/etc/systemd/system/${mark}.service`,
      `/usr/local/bin/${mark}`,
    ])
      rmSync(path, { force: true });
    for (const [path, content] of this.contents) restore(path, content);
  }
}

const moduleName = 'dummy';

function kernelModule(): HostChange {
  const told = state('KernelModule', moduleName, { after: /./ });
  return {
    name: 'a kernel module',
    add: { run: () => run('modprobe', [moduleName]), told: told.add },
    remove: { run: () => run('modprobe', ['--remove', moduleName]), told: told.remove },
  };
}

/** Nothing of its own is done: another change brings it with it. */
const silent = (told: Expected): Step => ({ run: () => Promise.resolve(), told });

const writeUnit = (path: string, program: string): Promise<unknown> =>
  shell(`printf '[Service]\\nExecStart=${program}\\n' > ${path}`);

/** Mode and owner stay those of the file that is there. */
function restore(path: string, content: Buffer | undefined): void {
  if (content === undefined) rmSync(path, { force: true });
  else if (!existsSync(path) || !readFileSync(path).equals(content)) {
    const reference = existsSync(path) ? path : path.replace(/-$/, '');
    writeFileSync(`${path}.isa`, content);
    if (existsSync(reference)) {
      execFileSync('chmod', [`--reference=${reference}`, `${path}.isa`]);
      execFileSync('chown', [`--reference=${reference}`, `${path}.isa`]);
    }
    renameSync(`${path}.isa`, path);
  }
}
