import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { desired, deviceId, Fixture, quick } from '../running-agent.js';
import { Container, writeInto, type ContainerOptions } from './container.js';
import { packageCache, type Packages } from './packages.js';

export const unit = 'iot-security-agent.service';
export const configDirectory = '/etc/iot-security-agent';
const packageDirectory = '/root/packages';

/** What dpkg, apt, systemd and the accounts' tools note about any package. */
const notes = [
  '/proc/',
  '/sys/',
  '/dev/',
  '/run/',
  '/tmp/',
  '/var/tmp/',
  '/var/log/',
  '/var/cache/apt/',
  '/var/cache/debconf/',
  '/var/cache/ldconfig/',
  '/var/lib/apt/',
  '/var/lib/dpkg/',
  '/var/lib/systemd/',
  `${packageDirectory}/`,
];

/** A container with Debian on it that packages are installed in, and the hub that it reports to. */
export class InstalledDevice {
  private constructor(
    readonly container: Container,
    readonly fixture: Fixture,
  ) {}

  static async boot(
    options: Pick<ContainerOptions, 'suite' | 'diskMegabytes' | 'audit' | 'packages'> & {
      /** Beside the packages. */
      readonly binds?: ContainerOptions['binds'];
    } = {},
  ): Promise<InstalledDevice> {
    const fixture = new Fixture();
    await fixture.startHub();
    fixture.hub.registerModule(deviceId);
    fixture.hub.patchDesired(deviceId, desired(quick));
    const container = await Container.boot({
      ...options,
      binds: { ...options.binds, [packageCache]: packageDirectory },
      prepare: (root) => writeInto(root, '/etc/hosts', '127.0.0.1 localhost\n'),
    });
    return new InstalledDevice(container, fixture);
  }

  async close(): Promise<void> {
    await this.container.stop();
    await this.fixture.close();
  }

  /** The one step: `apt install` of the files, with nobody to answer. Resolves with what apt said. */
  async install(packages: Packages, ...options: readonly string[]): Promise<string> {
    const { code, output } = await this.tryInstall(packages, ...options);
    if (code !== 0) throw new Error(`apt-get ended with ${code}: ${output}`);
    return output;
  }

  async tryInstall(
    packages: Packages,
    ...options: readonly string[]
  ): Promise<{ code: number; output: string }> {
    const paths = packages.files.map((file) => packageDirectory + file.slice(packageCache.length));
    return this.apt('install', ...options, ...paths);
  }

  apt(...args: readonly string[]): Promise<{ code: number; output: string }> {
    // Without apt's own cache, which it deletes on a full disk: tens of megabytes of room come from nowhere.
    const options = ['Dpkg::Use-Pty=0', 'Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache='];
    return this.container.attempt(
      'apt-get',
      '-y',
      ...options.flatMap((option) => ['-o', option]),
      ...args,
    );
  }

  /** Gives the device its credential as a person does, with the settings that a test needs beside it. */
  async enroll(): Promise<void> {
    const module = this.fixture.hub.registerModule(deviceId);
    const settings = {
      trustedCaFile: `${configDirectory}/ca.pem`,
      processSource: 'polling',
      connectionSource: 'polling',
      audit: { own: 'never' },
    };
    const { root } = this.container;
    const connectionString = `HostName=${module.hubName};DeviceId=${deviceId};ModuleId=${module.moduleId};SharedAccessKey=${module.primaryKey};GatewayHostName=${module.gatewayHostName}\n`;
    writeInto(root, '/root/connection-string', connectionString, 0o600);
    writeInto(root, `${configDirectory}/agent.json`, JSON.stringify(settings), 0o640);
    copyFileSync(this.fixture.hub.caFile, join(root, configDirectory, 'ca.pem'));
    const file = ['--connection-string-file', '/root/connection-string'];
    await this.container.execute('iot-security-agent', 'enroll', '--no-try', ...file);
    await this.container.execute('rm', '/root/connection-string');
  }

  async properties(...names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const text = await this.container.execute('systemctl', 'show', unit, '-p', names.join());
    return Object.fromEntries(text.trim().split('\n').map(splitOnce));
  }

  /** Resolves when a property of the unit has this value. */
  async until(name: string, value: string, limitMs = 30_000): Promise<void> {
    let found: string | undefined;
    for (let waited = 0; waited < limitMs; waited += 250) {
      found = (await this.properties(name))[name];
      if (found === value) return;
      await sleep(250);
    }
    throw new Error(
      `${name} of ${unit} is ${found ?? 'unknown'}, not ${value}. It said:\n${await this.log()}`,
    );
  }

  async log(): Promise<string> {
    return this.container.execute('journalctl', '-u', unit, '-o', 'cat', '-n', '60');
  }

  /** Resolves when the hub has this version of the agent connected. */
  async reported(version: string): Promise<void> {
    const mark = JSON.stringify(version);
    await this.fixture.hub.awaitTwin(
      deviceId,
      (twin) => JSON.stringify(twin.reported).includes(mark),
      30_000,
    );
  }

  async version(name = 'iot-security-agent'): Promise<string> {
    return this.container.execute('dpkg-query', '-W', '-f', '${db:Status-Status} ${Version}', name);
  }

  /** Every path on the device but those of the tools that manage packages. */
  files(): readonly string[] {
    const { root } = this.container;
    const found = execFileSync('find', [root, '-xdev', '-printf', '/%P\n'], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    return found
      .split('\n')
      .filter((path) => !notes.some((note) => `${path}/`.startsWith(note)))
      .sort();
  }

  /** The directories that belong to the agent and are there. */
  ownDirectories(): readonly string[] {
    const { root } = this.container;
    return ['/etc', '/var/lib', '/var/cache', '/var/log', '/usr/lib']
      .flatMap((directory) =>
        readdirSync(join(root, directory)).map((name) => join(directory, name)),
      )
      .filter((path) => basename(path).startsWith('iot-security-agent'));
  }
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}
