import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InventoryClient, whyUnanswered } from '../../../collectors/inventory/client.js';
import { longestOutput } from '../../../collectors/inventory/names.js';

const answer = { name: 'sshd', programs: [], facts: {} };
const never = new AbortController().signal;

let directory: string;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'inventory-client-'));
});

afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

/** Answers each connection to the inventory of sshd. */
function serve(onConnection: (socket: Socket) => void): Promise<void> {
  const listening = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server = listening;
  return new Promise((resolve) => listening.listen(join(directory, 'sshd'), resolve));
}

const ask = (signal = never) => new InventoryClient(directory).ask('sshd', signal);

describe('whoever asks the inventory process', () => {
  it('gets what it found, in however many pieces it comes', async () => {
    await serve((socket) => {
      const text = JSON.stringify(answer);
      socket.write(text.slice(0, 9));
      setImmediate(() => socket.end(text.slice(9)));
    });
    expect(await ask()).toEqual(answer);
  });

  it('is told how to start it where nobody serves the socket', async () => {
    const missing = await ask();
    expect(missing).toMatchObject({
      unavailable: expect.stringMatching(
        /nobody serves .*\/sshd\. Start its socket with systemctl enable --now iot-security-agent-inventory-sshd\.socket or/,
      ) as string,
    });
    writeFileSync(join(directory, 'sshd'), '');
    expect(await ask()).toMatchObject({
      unavailable: expect.stringContaining('nobody serves') as string,
    });
  });

  it('is told who may ask where it may not', () => {
    const refused = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
    expect(whyUnanswered(refused, 'sshd', directory)).toMatch(
      /by root and the group iot-security-agent alone \(.*\/sshd is closed/,
    );
  });

  it('is told when it ends without a word, or says what is none of its answers', async () => {
    let text = '';
    await serve((socket) => socket.end(text));
    expect(await ask()).toMatchObject({
      unavailable: expect.stringMatching(/without an answer; see journalctl -u/) as string,
    });
    text = '{"name":"firewall"}';
    expect(await ask()).toMatchObject({
      unavailable: expect.stringMatching(/is not about sshd; see journalctl/) as string,
    });
  });

  it('takes no more of an answer than the longest that there is', async () => {
    await serve((socket) => {
      const piece = Buffer.alloc(1024 * 1024, 'x');
      const fill = (): void => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', fill);
      fill();
    });
    expect(await ask()).toMatchObject({
      unavailable: expect.stringMatching(/did not answer: its answer has more than/) as string,
    });
    expect(longestOutput).toBeLessThan(8 * 1024 * 1024);
  });

  it('does not wait once it has given up', async () => {
    const waiting = new AbortController();
    const ended = new Promise((resolve) => {
      void serve((socket) => {
        socket.on('close', resolve);
        waiting.abort();
      });
    });
    await expect(ask(waiting.signal)).rejects.toThrow();
    await ended;
  });

  it('has one run at a time, and the next although one failed', async () => {
    let running = 0;
    const most: number[] = [];
    await serve((socket) => {
      most.push(++running);
      setImmediate(() => {
        running--;
        socket.end(most.length === 1 ? 'nothing' : JSON.stringify(answer));
      });
    });
    const client = new InventoryClient(directory);
    const answers = await Promise.all([1, 2, 3].map(() => client.ask('sshd', never)));
    expect(most).toEqual([1, 1, 1]);
    expect(answers.map((one) => 'unavailable' in one)).toEqual([true, false, false]);
  });
});
