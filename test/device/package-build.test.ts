import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRuntime, packages, type Packages } from '../support/device/packages.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const repository = join(import.meta.dirname, '..', '..');
let built: Packages;
let directory: string;

beforeAll(async () => {
  built = await packages();
  directory = mkdtempSync(join(tmpdir(), 'package-build-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function hashes(output: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(output)
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(output, name)))
          .digest('hex'),
      ]),
  );
}

describe('npm run package', () => {
  it('gives the same bytes in another directory, time zone, language and umask', () => {
    const checkout = join(directory, 'elsewhere');
    cpSync(repository, checkout, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|\.git|coverage)$/.test(path),
    });
    // The dependencies must not look older than it: they would be installed anew, over those that are mounted.
    utimesSync(join(checkout, 'package-lock.json'), 0, 0);
    mkdirSync(join(checkout, 'node_modules'));
    const output = join(directory, 'output');
    // Mounted, not linked: with a link esbuild would see the other directory.
    const command = `mount --bind "$1/node_modules" node_modules && umask 077 && exec "$0" scripts/package.mjs --fast --arch=amd64 --output="$2"`;
    const args = ['--mount', '/bin/sh', '-c', command, process.execPath, repository, output];
    execFileSync('unshare', args, {
      cwd: checkout,
      env: {
        ...process.env,
        SOURCE_DATE_EPOCH: '1790000000',
        TZ: 'Pacific/Kiritimati',
        LC_ALL: 'C.UTF-8',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    expect(hashes(output)).toEqual(hashes(built.directory));
  });

  it('leaves the packages that were there when it cannot finish, and nothing that is half written', () => {
    const output = join(directory, 'before');
    cpSync(built.directory, output, { recursive: true });
    const programs = join(directory, 'programs');
    mkdirSync(programs);
    writeFileSync(join(programs, 'dpkg-deb'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const args = ['scripts/package.mjs', '--fast', '--arch=amd64', `--output=${output}`];
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: repository,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}` },
    });
    expect(stderr).toContain('The packages could not be built');
    expect(status).toBe(1);
    expect(hashes(output)).toEqual(hashes(built.directory));
  });

  it('contains every path below /usr that its manual page names', () => {
    const page = readFileSync(join(repository, 'systemd', 'iot-security-agent.8'), 'utf8');
    const named = page.replaceAll('\\-', '-').match(/\/usr\/[\w./-]+\w/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    const agent = built.files.find((file) => !isRuntime(file)) ?? '';
    const listed = execFileSync('dpkg-deb', ['--contents', agent], { encoding: 'utf8' });
    const contained = listed.split('\n').map((line) => line.split(/\s+/)[5]?.slice(1));
    expect(contained).toEqual(expect.arrayContaining(named));
  });

  it('is clean under lintian', () => {
    // It leaves files of its own behind.
    const env = { ...process.env, TMPDIR: temporaryDirectory('lintian') };
    const options = ['--allow-root', '--no-cfg', '--tag-display-limit=0', '--fail-on=none'];
    const said = execFileSync('lintian', [...options, ...built.files], { env });
    expect(said.toString()).toBe('');
  });

  it('lists in the bill of materials what is in the package, and nothing that is not', () => {
    const file = readdirSync(built.directory).find((name) => /agent_.*cdx\.json$/.test(name)) ?? '';
    const sbom = JSON.parse(readFileSync(join(built.directory, file), 'utf8')) as {
      components: { name: string; hashes?: unknown; licenses?: unknown }[];
    };
    const names = sbom.components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        ...['azure-iot-device', 'winston', '@koromix/koffi-linux-x64', 'node'],
        // Of the inventory process.
        'systeminformation',
      ]),
    );
    expect(
      names.filter((name) => /esbuild|vitest|storage-blob|koffi-linux-arm/.test(name)),
    ).toEqual([]);
    expect(sbom.components.filter(({ hashes: sums, licenses }) => !sums || !licenses)).toEqual([]);
  });

  it('has apt install from the directory as from a repository', () => {
    const apt = join(directory, 'apt');
    const script = `mkdir -p "$0/lists/partial" "$0/archives/partial" && echo "deb [trusted=yes] file:$1 ./" > "$0/sources" && : > "$0/status"
apt-get -o Dir::Etc::SourceList="$0/sources" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$0/lists" -o Dir::State::Status="$0/status" -o Dir::Cache="$0" -o APT::Sandbox::User=root update
apt-cache -o Dir::Etc::SourceList="$0/sources" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$0/lists" -o Dir::State::Status="$0/status" -o Dir::Cache="$0" policy iot-security-agent iot-security-agent-node`;
    const said = execFileSync('/bin/sh', ['-c', script, apt, built.directory], {
      encoding: 'utf8',
    });
    expect(said).toMatch(/iot-security-agent:\n +Installed: \(none\)\n +Candidate: \d/);
    expect(said).toMatch(/iot-security-agent-node:\n +Installed: \(none\)\n +Candidate: 24\./);
    expect(statSync(join(built.directory, 'SHA256SUMS')).size).toBeGreaterThan(0);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: built.directory });
  });
});
