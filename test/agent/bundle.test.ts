import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentBundle, Fixture, runCommandLine } from '../support/running-agent.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'agent-bundle-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the bundle', () => {
  it('runs from an empty directory, with nothing but the native part beside it', async () => {
    const bundle = join(directory, 'agent.cjs');
    copyFileSync(agentBundle, bundle);
    cpSync(join(dirname(agentBundle), 'koffi'), join(directory, 'koffi'), { recursive: true });
    const fixture = new Fixture();
    await fixture.startHub();
    try {
      fixture.configure();
      await fixture.startAgent(bundle);
      expect(fixture.log.join('\n')).toContain('ready');
      expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });
    } finally {
      await fixture.close();
    }
  });

  it('cannot start a program: nothing in it loads child_process', () => {
    expect(readFileSync(agentBundle, 'utf8')).not.toMatch(/require\(["'](?:node:)?child_process/);
  });

  it('runs without the native part, on what can be read without it', async () => {
    const bundle = join(directory, 'agent.cjs');
    copyFileSync(agentBundle, bundle);
    const { code, stdout } = await runCommandLine(['collect', 'ListeningPorts', '--json'], {
      bundle,
      cwd: directory,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ Name: 'ListeningPorts', Category: 'Periodic' });
  });
});
