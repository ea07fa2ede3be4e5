import { spawn, spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readInventoryAnswer } from '../../collectors/inventory/answer.js';
import { InventoryClient } from '../../collectors/inventory/client.js';
import { inventoryNames } from '../../collectors/inventory/names.js';
import { agentBundle, runCommandLine } from '../support/running-agent.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const bundle = agentBundle.replace(/\.cjs$/, '-inventory.cjs');

describe('iot-security-agent inventory', () => {
  it('prints what each can be asked for, from the agent’s command line and from its own', async () => {
    // apt-get takes seconds, and is asked below.
    for (const name of inventoryNames.filter((each) => each !== 'updates')) {
      const { code, stdout } = await runCommandLine(['inventory', name]);
      expect(code).toBe(0);
      expect(readInventoryAnswer(stdout, name).name).toBe(name);
    }
    const own = spawnSync(process.execPath, [bundle, 'system'], { encoding: 'utf8' });
    // What systeminformation found, and not the empty hull of it.
    expect(readInventoryAnswer(own.stdout, 'system').facts['system']).toMatchObject({
      model: expect.stringMatching(/./) as string,
    });
  });

  it('refuses a name that it does not know, and does not print it raw', async () => {
    const { code, stdout, stderr } = await runCommandLine(['inventory', '\u001b[2J;id']);
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr).toContain('name one of firewall, packages, sshd, system, updates');
    expect(stderr).not.toContain('\u001b');
  });

  it('answers at sockets, open to owner and group alone, until it is stopped', async () => {
    const directory = join(temporaryDirectory('inventory'), 'sockets');
    const listener = spawn(process.execPath, [bundle, '--listen', directory]);
    const ended = new Promise((resolve) => listener.once('close', resolve));
    try {
      await new Promise((resolve) => listener.stdout.once('data', resolve));
      expect(statSync(directory).mode & 0o007).toBe(0);
      const client = new InventoryClient(directory);
      const signal = AbortSignal.timeout(20_000);
      const answers = await Promise.all(inventoryNames.map((name) => client.ask(name, signal)));
      expect(answers.map((answer) => 'name' in answer && answer.name)).toEqual(inventoryNames);
    } finally {
      listener.kill('SIGTERM');
    }
    expect(await ended).toBe(0);
  });

  it('takes the place of nothing that is no socket', async () => {
    const directory = temporaryDirectory('inventory');
    writeFileSync(join(directory, 'firewall'), 'mine');
    const { code, stderr } = await runCommandLine(['inventory', '--listen', directory]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  });
});
