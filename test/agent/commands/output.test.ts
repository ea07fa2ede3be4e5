import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { agentBundle, runCommandLine } from '../../support/running-agent.js';

const auditLog = fileURLToPath(
  new URL('../../collectors/kernel/audit/cases/debian-12-logins-password.log', import.meta.url),
);

/** Each way of a command to write. */
const commandLines = [
  ['--help'],
  ['--version'],
  ['collect', '--help'],
  ['collect', 'ListeningPorts'],
  ['check-config', '--config', '/nowhere/agent.json'],
  ['replay', auditLog],
];

/** Runs the bundle with its standard output going to `stdout`; resolves with how it ended and what it complained of. */
function runInto(args: readonly string[], stdout: 'closed pipe' | 'full disk') {
  const full = stdout === 'full disk' ? openSync('/dev/full', 'w') : undefined;
  const child = spawn(process.execPath, [agentBundle, ...args], {
    stdio: ['ignore', full ?? 'pipe', 'pipe'],
  });
  if (full !== undefined) closeSync(full);
  child.stdout?.destroy();
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stderr })),
  );
}

describe('a command whose output cannot be written', () => {
  it.each(commandLines)('ends quietly when its reader has gone: %s %s', async (...args) => {
    const { stderr } = await runInto(args, 'closed pipe');
    expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
  });

  it.each(commandLines)('says so in one sentence on a full disk: %s %s', async (...args) => {
    const { code, stderr } = await runInto(args, 'full disk');
    expect(stderr).toContain('The output cannot be written: no space left on device (ENOSPC).');
    expect(stderr).not.toMatch(/defect|^\s+at /m);
    expect(code).toBe(args[0] === 'check-config' ? 78 : 1);
  });
});

it.each([
  [['a\u001b[31mb']],
  [['run', '--a\u001b[31mb']],
  [['collect', 'a\u001b[31mb']],
  [['host-setup', '--user', 'a\u001b[31mb']],
])('what was typed reaches the terminal without its control characters: %j', async (args) => {
  const { code, stderr } = await runCommandLine(args);
  expect(stderr).toContain('a\\u{1b}[31mb');
  expect(stderr).not.toContain('\u001b');
  expect(code).not.toBe(0);
});
