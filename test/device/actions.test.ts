import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../support/device/audit-support.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { type Expected, findExpected, tableOf } from '../support/device/expected-found.js';
import { writeI386Program } from '../support/device/i386-program.js';
import { LoginSandbox, sshPort } from '../support/device/login-sandbox.js';

const run = promisify(execFile);
let audited: AuditedAgent;
let sandbox: LoginSandbox;

beforeEach(async () => {
  audited = new AuditedAgent();
  await audited.prepare({ connectionSource: 'auto', loginSource: 'auto' });
  audited.set({
    aggregationEnabledProcessCreate: false,
    aggregationEnabledProcessTerminate: false,
    aggregationEnabledConnectionCreate: false,
    highPriorityMessageFrequency: 'PT1S',
    lowPriorityMessageFrequency: 'PT1S',
  });
  sandbox = LoginSandbox.create();
});

afterEach(async () => {
  sandbox.remove();
  await audited.close();
});

/** A server of Node, which passes no address to accept. */
const server = `
const server = require('http').createServer((request, response) => response.end('hello'));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;

const client = (isBlocking: boolean, port: string) => `
import select, socket
client = socket.socket()
client.setblocking(${isBlocking ? 'True' : 'False'})
client.connect_ex(('127.0.0.1', ${port}))
select.select([], [client], [], 5)
print(client.getsockname()[1])
client.close()`;

it('every action is found again in the messages of the running agent, with the right fields', async () => {
  await audited.start();
  const expected: Expected[] = [];
  const expect_ = (action: string, event: Expected['event'], fields: Expected['fields']): void =>
    void expected.push({ action, event, fields });
  const program = (action: string, Executable: string, argv: readonly string[], status: number) => {
    const CommandLine = argv.join(' ');
    expect_(action, 'ProcessCreate', { CommandLine, Executable, UserId: '0' });
    expect_(action, 'ProcessTerminate', { Executable, ExitStatus: status });
  };

  await run('/bin/true', ['the-command', 'two words']);
  program('a command', realpathSync('/bin/true'), ['/bin/true', 'the-command', 'two words'], 0);

  const script = join(audited.fixture.directory, 'script.sh');
  writeFileSync(script, '#!/bin/sh\nexit 7\n', { mode: 0o755 });
  await run(script, ['of-mine']).catch(() => undefined);
  program('a script', realpathSync('/bin/sh'), ['/bin/sh', script, 'of-mine'], 7);

  if (process.arch === 'x64') {
    const path = join(audited.fixture.directory, 'program32');
    writeI386Program(path);
    await run(path, ['thirty-two']);
    program('a 32-bit program', path, [path, 'thirty-two'], 0);
  }

  const node = spawn(process.execPath, ['-e', server], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(node.stdout, 'data')) as [Buffer];
  const port = line.toString('utf8').trim();
  try {
    const { stdout: from } = await run('curl', [
      ...['-s', '-o', '/dev/null', '-w', '%{local_port}'],
      `http://127.0.0.1:${port}/`,
    ]);
    const python = realpathSync('/usr/bin/python3');
    const blocking = (await run('/usr/bin/python3', ['-c', client(true, port)])).stdout.trim();
    const background = (await run('/usr/bin/python3', ['-c', client(false, port)])).stdout.trim();
    for (const [action, executable, local] of [
      ['curl', realpathSync('/usr/bin/curl'), from.trim()],
      ['a Python client that blocks', python, blocking],
      ['a Python client that does not block', python, background],
    ] as const) {
      const ends = { LocalAddress: '127.0.0.1', RemoteAddress: '127.0.0.1', Protocol: 'tcp' };
      expect_(action, 'ConnectionCreate', {
        LocalPort: local,
        RemotePort: port,
        Direction: 'Out',
        ...ends,
        Executable: executable,
        UserId: '0',
      });
      expect_(`the Node server, by ${action}`, 'ConnectionCreate', {
        LocalPort: port,
        RemotePort: local,
        Direction: 'In',
        ...ends,
        Executable: realpathSync(process.execPath),
        ProcessId: node.pid ?? 0,
      });
    }
  } finally {
    node.kill();
  }

  const output = await sandbox.run(`
ssh_key anna@127.0.0.1 'echo "connection $SSH_CONNECTION"; sleep 1'
ssh_password wrong anna@127.0.0.1
su anna -c true
echo wrong | as_bert su anna -c true 2> /dev/null`);
  const [, , RemotePort = ''] = /connection (\S+) (\d+) /u.exec(output) ?? [];
  const ssh = { UserName: 'anna', Executable: sandbox.sshd, RemoteAddress: '127.0.0.1' };
  const su = { UserName: 'anna', Executable: realpathSync('/bin/su') };
  const LocalPort = String(sshPort);
  expect_('ssh with a key', 'Login', { ...ssh, Result: 'Success', RemotePort, LocalPort });
  expect_('ssh with a key, its end', 'Login', { ...ssh, Operation: 'logout', Result: 'Success' });
  expect_('ssh with a wrong password', 'Login', { ...ssh, Result: 'Fail' });
  expect_('su', 'Login', { ...su, Result: 'Success', Operation: 'PAM:authentication' });
  expect_('su, its end', 'Login', { ...su, Operation: 'logout', Result: 'Success' });
  expect_('su with a wrong password', 'Login', { ...su, Result: 'Fail' });

  const rows = () => findExpected(audited.fixture.hub.messages, expected);
  const all = () => rows().every(({ isFound }) => isFound);
  await until('everything', 20_000, all).catch(() => undefined);
  process.stdout.write(tableOf(rows()));
  expect(rows().filter(({ isFound }) => !isFound)).toEqual([]);
  expect(audited.problems).toEqual([]);
});
