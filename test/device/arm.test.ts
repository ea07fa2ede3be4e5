import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packages } from '../support/device/packages.js';
import { rootFileSystem } from '../support/device/root-file-system.js';

const run = promisify(execFile);
const recorded = join(
  import.meta.dirname,
  '../collectors/kernel/audit/cases/raspberry-pi-os-kernel-6.6-arm64.log',
);

const machines = [
  {
    architecture: 'arm64',
    suite: 'bookworm',
    emulator: 'qemu-aarch64-static',
    libraries: ['libc6', 'libstdc++6', 'libgcc-s1'],
    interpreter: 'usr/lib/iot-security-agent-node/node',
    node: 'arm64',
  },
  {
    architecture: 'armhf',
    suite: 'trixie',
    emulator: 'qemu-arm-static',
    // The links that say where libraries are came with this package since Debian 13.
    libraries: ['base-files', 'nodejs'],
    interpreter: 'usr/bin/node',
    node: 'arm',
  },
] as const;

describe.each(machines)(
  'the package for $architecture, unpacked and run under emulation',
  { timeout: 300_000 },
  ({ architecture, suite, emulator, libraries, interpreter, node }) => {
    let root = '';

    beforeAll(async () => {
      const { files } = await packages({ architecture });
      const wanted = {
        ...{ suite, architecture, packages: libraries },
        ...({ variant: 'extract', asReleased: true } as const),
      };
      root = mkdtempSync(join(tmpdir(), `agent-${architecture}-`));
      await run('tar', ['-xf', await rootFileSystem(wanted), '-C', root, '--exclude=./dev/*']);
      for (const file of files) await run('dpkg', ['-x', file, root]);
    }, 300_000);

    afterAll(() => rmSync(root, { recursive: true, force: true }));

    /** What it printed on either stream, and its exit code. */
    const agent = async (...args: readonly string[]): Promise<{ code: number; text: string }> => {
      const bundle = join(root, 'usr/lib/iot-security-agent/iot-security-agent.cjs');
      const command = ['-L', root, join(root, interpreter), bundle, ...args];
      try {
        const { stdout, stderr } = await run(emulator, command, { maxBuffer: 16 * 1024 * 1024 });
        return { code: 0, text: stdout + stderr };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, text: stdout + stderr };
      }
    };

    it('is of that architecture', async () => {
      const { stdout } = await run(emulator, [
        ...['-L', root, join(root, interpreter), '-p', 'process.arch'],
      ]);
      expect(stdout.trim()).toBe(node);
    });

    it('tells its version, and what is wrong with a configuration', async () => {
      expect(await agent('--version')).toMatchObject({
        code: 0,
        text: expect.stringMatching(/^\S*\s?\d+\.\d+\.\d+/) as string,
      });
      const file = join(root, 'agent.json');
      writeFileSync(file, '{"logLevel": "louder"}');
      const { code, text } = await agent('check-config', '--config', file);
      expect(code).toBe(78);
      expect(text).toContain('logLevel');
    });

    it('reads the ports of this machine and a recorded audit log', async () => {
      const ports = await agent('collect', 'ListeningPorts', '--json');
      expect(ports.code).toBe(0);
      const { code, text } = await agent('replay', recorded);
      expect(code).toBe(0);
      expect(text).toContain('"CommandLine":"vcgencmd measure_temp"');
    });

    it('calls the C library through the foreign function interface', async () => {
      const { text } = await agent('doctor', '--config', join(root, 'agent.json'));
      process.stdout.write(`${architecture} doctor:\n${text}\n`);
      expect(text).not.toMatch(/koffi|foreign function/i);
      expect(text).toMatch(/audit/);
    });
  },
);
