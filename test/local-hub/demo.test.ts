import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { runDemo } from '../../local-hub/demo.js';
import { temporaryDirectory } from '../support/hub-fixture.js';

const agentFile = join(import.meta.dirname, '..', 'support', 'fake-agent.mjs');
const inventoryFile = join(import.meta.dirname, '../../dist/iot-security-agent-inventory.cjs');

interface Run {
  readonly seconds?: number;
  readonly json?: boolean;
  /** How the fake agent misbehaves. */
  readonly failure?: string;
  /** Aborted when the agent has said that it is ready. */
  readonly interrupt?: AbortController;
  readonly agentFile?: string;
}

async function demo(run: Run = {}): Promise<{ code: number; shown: string[]; said: string[] }> {
  const shown: string[] = [];
  const said: string[] = [];
  vi.stubEnv('FAKE_AGENT', run.failure ?? '');
  const code = await runDemo({
    inventoryFile,
    agentFile: run.agentFile ?? agentFile,
    seconds: run.seconds ?? 0,
    json: run.json ?? false,
    stop: (run.interrupt ?? new AbortController()).signal,
    show: (line) => shown.push(line),
    say: (line) => {
      said.push(line);
      if (line.endsWith('ready')) run.interrupt?.abort();
    },
  }).finally(() => vi.unstubAllEnvs());
  return { code, shown, said };
}

describe('the demo', () => {
  it('with --json shows the body of each message, the last ones too, and nothing else', async () => {
    const { code, shown, said } = await demo({ json: true });
    const bodies = shown.map((line) => JSON.parse(line) as { Events: { Payload: object[] }[] });
    expect(bodies.map(({ Events }) => Events[0]?.Payload[0])).toMatchObject([
      { CommandLine: 'first \u001b[31m' },
      { CommandLine: 'last' },
    ]);
    expect(said).toEqual(['agent: agent is ready']);
    expect(code).toBe(0);
  });

  it('shows events, messages and the source in use, and lets nothing move the cursor', async () => {
    const { code, shown } = await demo();
    const text = shown.join('\n');
    expect(text).toMatch(
      /ProcessCreate +first \\u\{1b\}\[31m +\(\/usr\/bin\/true, user 0, pid 17\)/,
    );
    expect(text).toMatch(/message +1 event, \d+ bytes = 1 × 4 KB, priority High, valid/);
    expect(text).toMatch(/collector +ProcessCreate running from fake\. sees nothing/);
    expect(text).toMatch(/2 messages arrived, 0 of them invalid/);
    expect(text).not.toContain('\u001b');
    expect(code).toBe(0);
  });

  it('stops the agent in order when it is interrupted', async () => {
    const interrupt = new AbortController();
    const { code, shown } = await demo({ seconds: 60, json: true, interrupt });
    expect(shown).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('says so when there is no agent to start', async () => {
    const { code, said } = await demo({ agentFile: join(import.meta.dirname, 'absent.cjs') });
    expect(code).toBe(1);
    expect(said.at(-1)).toMatch(/ended by itself with 1/);
  });

  it.each([
    ['a message is invalid', 'invalid', /AgentId must NOT have fewer than 36 characters/],
    ['the agent ends before it is ready', 'exit', /ended by itself with 77/],
    ['the agent ends with an error', 'crash', /ended with 1 instead of 0/],
  ])('fails when %s', async (_name, failure, sentence) => {
    const { code, said } = await demo({ failure });
    expect(code).toBe(1);
    expect(said).toContainEqual(expect.stringMatching(sentence));
  });

  it('leaves nothing behind', async () => {
    const directory = temporaryDirectory();
    vi.stubEnv('TMPDIR', directory);
    await demo();
    expect(readdirSync(directory)).toEqual([]);
  });
});
