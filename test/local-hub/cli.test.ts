import { afterEach, describe, expect, it, vi } from 'vitest';
import { main, serve } from '../../local-hub/cli.js';
import { startHub, temporaryDirectory } from '../support/hub-fixture.js';

function captureErrors(): string[] {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  return written;
}

afterEach(() => vi.restoreAllMocks());

describe('the command line of the local hub', () => {
  it.each([
    ['without a verb', [], /a verb is missing/],
    ['with an unknown verb', ['sing'], /no verb 'sing'/],
    ['with an unknown option', ['demo', '--wrong'], /--wrong/],
    ['with a time that is no number', ['demo', '--seconds', 'x'], /--seconds must be a number/],
    ['with an identity that there is not', ['serve', '--identity', 'x'], /module, module-thumb/],
    ['with a port that cannot be', ['serve', '--port', '65536'], /--port must be a number/],
  ])('%s says what is wrong and how it is used', async (_name, args, sentence) => {
    const written = captureErrors();
    expect(await main(args)).toBe(78);
    expect(written.join('')).toMatch(sentence);
    expect(written.join('')).toContain('usage: local-hub serve');
  });

  it('with an id that no device can have fails', async () => {
    const written = captureErrors();
    const state = temporaryDirectory();
    expect(await serve(['--state', state, '--port', '0', '--device', 'a/b'])).toBe(1);
    expect(written.join('')).toMatch(/'a\/b' cannot be a device or module id/);
  });

  it('on a port that is taken fails with one sentence', async () => {
    const { port } = await startHub();
    const written = captureErrors();
    expect(await serve(['--state', temporaryDirectory(), '--port', String(port)])).toBe(1);
    expect(written).toEqual([
      `local-hub: Port ${port} on 127.0.0.1 is taken by another program; choose another port.\n`,
    ]);
  });
});
