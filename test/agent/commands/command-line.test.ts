import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  agentBundle,
  Fixture,
  runCommandLine,
  type CommandResult,
} from '../../support/running-agent.js';

let fixture: Fixture;

beforeEach(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure();
});

afterEach(() => fixture.close());

const run = (): Promise<CommandResult> => runCommandLine(['run', '--config', fixture.configFile]);

/** Starts the agent with one identity key changed. */
function withIdentity(changes: Record<string, unknown>): void {
  fixture.configure({
    identity: {
      hostName: fixture.hub.hubName,
      deviceId: 'device-1',
      gatewayHostName: `localhost:${fixture.hub.port}`,
      keyFile: fixture.keyFile,
      ...changes,
    },
  });
}

describe('bad input is refused with a sentence that names the file, the key and the remedy', () => {
  it.each([
    ['broken JSON', '{"identity": {', [/agent\.json/, /line 1/], 78],
    ['an unknown key', '{"identty": {}}', [/agent\.json/, /identty/, /identity/], 78],
    ['a wrong type', '{"identity": {}, "messagesInFlight": "many"}', [/messagesInFlight/], 78],
    ['an impossible interval', '{"identity": {}, "keepAlive": "PT-5S"}', [/keepAlive/, /PT/], 78],
    ['no identity', '{}', [/hostName/, /deviceId/, /keyFile/], 78],
  ] as const)('%s', async (_, text, patterns, code) => {
    writeFileSync(fixture.configFile, text);
    const result = await run();
    expect(result.code).toBe(code);
    for (const pattern of patterns) expect(result.stderr).toMatch(pattern);
    expect(result.stderr).not.toMatch(/\bat .*\.cjs/);
  });

  it('a configuration file that is missing', async () => {
    rmSync(fixture.configFile);
    const { code, stderr } = await run();
    expect(code).toBe(78);
    expect(stderr).toContain('agent.json');
  });

  it('a key file that is missing', async () => {
    rmSync(fixture.keyFile);
    const { code, stderr } = await run();
    expect(code).toBe(77);
    expect(stderr).toContain(fixture.configFile);
    expect(stderr).toContain(fixture.keyFile);
  });

  it('a key file that others can read, with the command that mends it', async () => {
    chmodSync(fixture.keyFile, 0o644);
    const { code, stderr } = await run();
    expect(code).toBe(77);
    expect(stderr).toContain(`chmod 600 ${fixture.keyFile}`);
  });

  it('a key that is not base64, without showing it', async () => {
    writeFileSync(fixture.keyFile, 'not-a-key-but-secret!');
    const { code, stderr } = await run();
    expect(code).toBe(78);
    expect(stderr).toContain(fixture.keyFile);
    expect(stderr).not.toContain('secret!');
  });

  it('a command and an option that do not exist, with the usage', async () => {
    const unknown = await runCommandLine(['fly']);
    expect(unknown.code).toBe(78);
    expect(unknown.stderr).toMatch(/no command 'fly'[^]*check-config/);
    const option = await runCommandLine(['run', '--speed']);
    expect(option.code).toBe(78);
    expect(option.stderr).toMatch(/--speed[^]*--config FILE/);
    const operand = await runCommandLine(['collect', 'Everything']);
    expect(operand.code).toBe(78);
    expect(operand.stderr).toMatch(/Everything.*ListeningPorts.*ProcessCreate/);
  });
});

describe('a second agent on the state directory of one that runs', () => {
  it('ends with 75 and one sentence: which directory, which process, what to do; the first goes on', async () => {
    await fixture.startAgent();
    const { code, stderr } = await run();
    const lines = stderr.split('\n').filter((line) => /error|warn|defect|^ +at /.test(line));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/is in use by process \d+.* end that one first.*"stateDirectory"/);
    expect(lines[0]).toContain(`${fixture.directory}/state`);
    expect(lines[0]).toContain(`process ${fixture.agent?.pid}`);
    expect(code).toBe(75);
    expect((await fixture.stopAgent()).code).toBe(0);
  });

  it('under a service manager says so at once and ends later, so that it is not started again and again; stops as asked', async () => {
    await fixture.startAgent();
    const second = spawn(process.execPath, [agentBundle, 'run', '--config', fixture.configFile], {
      env: { ...process.env, NOTIFY_SOCKET: '/nowhere' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => second.once('close', resolve));
    await new Promise<void>((resolve) =>
      second.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('is in use by process')) resolve();
      }),
    );
    second.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect((await fixture.stopAgent()).code).toBe(0);
  });
});

describe('a command whose reader has gone', () => {
  it('ends as if it had been asked to, without a stack', async () => {
    const child = spawn(process.execPath, [agentBundle, 'collect', 'ListeningPorts', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(stderr).not.toContain('EPIPE');
    expect(code).toBe(0);
  });
});

describe('what only shows when connecting is told in the log, and is never an exit', () => {
  const told = async (pattern: RegExp): Promise<string> => {
    await fixture.startAgent();
    const deadline = Date.now() + 15_000;
    while (Date.now() < deadline) {
      const line = fixture.log.find((entry) => pattern.test(entry));
      if (line !== undefined) return line;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Nothing in the log matches ${pattern.source}:\n${fixture.log.join('\n')}`);
  };

  it('a wrong key', async () => {
    writeFileSync(fixture.keyFile, Buffer.alloc(32, 7).toString('base64'));
    expect(await told(/refused the credentials/)).toMatch(/key file.*clock/);
    expect((await fixture.stopAgent()).code).toBe(0);
  });

  it('a hub name that does not resolve', async () => {
    withIdentity({ gatewayHostName: 'no-such-hub.invalid' });
    await told(/no-such-hub\.invalid.*(not resolve|unknown)/i);
    expect((await fixture.stopAgent()).code).toBe(0);
  });

  it('a certificate that is not trusted', async () => {
    const config = JSON.parse(readFileSync(fixture.configFile, 'utf8')) as Record<string, unknown>;
    delete config['trustedCaFile'];
    writeFileSync(fixture.configFile, JSON.stringify(config));
    await told(/certificate.*trustedCaFile/i);
    expect((await fixture.stopAgent()).code).toBe(0);
  });
});
