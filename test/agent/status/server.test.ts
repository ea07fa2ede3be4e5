import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askStatus } from '../../../agent/status/client.js';
import { judge } from '../../../agent/status/health.js';
import { StatusServer } from '../../../agent/status/server.js';
import { systemClock } from '../../../base/clock.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';
import { soundFacts } from '../../support/status-facts.js';

let directory = '';
let path = '';
const servers: StatusServer[] = [];
const document = judge(soundFacts);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'status-'));
  path = join(directory, 'run', 'status.sock');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  rmSync(directory, { recursive: true });
});

async function serve(answer = JSON.stringify(document), clock = systemClock) {
  const log = recordingLog();
  const server = new StatusServer({ path, answer: () => answer, clock, log });
  servers.push(server);
  await server.start();
  return { server, log };
}

const closed = (client: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    client.on('data', (chunk: Buffer) => (text += chunk.toString()));
    client.on('error', () => undefined);
    client.once('close', () => resolve(text));
  });

/** The server sets a timer for each client that it serves. */
const serving = (clock: FakeClock, clients: number): Promise<void> =>
  vi.waitFor(() => expect(clock.timers).toBe(clients), 10_000);

describe('the socket', () => {
  it('is for the owner and the group alone, in a directory of the same kind, and gone after the stop', async () => {
    const { server } = await serve();
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(join(directory, 'run')).mode & 0o777).toBe(0o750);
    expect(readdirSync(join(directory, 'run'))).toEqual(['status.sock']);
    expect(await askStatus(path)).toEqual(document);
    await server.stop();
    expect(readdirSync(join(directory, 'run'))).toEqual([]);
  });

  it('of a dead agent is replaced', async () => {
    await serve();
    const dead = createServer();
    const aside = `${path}.dead`;
    await new Promise<void>((resolve) => dead.listen(aside, resolve));
    await servers.pop()?.stop();
    linkSync(aside, path);
    await new Promise((resolve) => dead.close(resolve));
    expect(statSync(path).isSocket()).toBe(true);
    const { log } = await serve();
    expect(log.messages()).toEqual([]);
    expect(await askStatus(path)).toEqual(document);
  });

  it('of an agent that lives stays its own, also when the other stops', async () => {
    await serve();
    const second = await serve('another');
    expect(second.log.messages('warn').join()).toMatch(
      /another agent uses it already.*runtimeDirectory/,
    );
    await second.server.stop();
    expect(await askStatus(path)).toEqual(document);
  });

  it('is never put in the place of a file that is none', async () => {
    const { server } = await serve();
    await server.stop();
    writeFileSync(path, 'precious');
    const { log } = await serve();
    expect(log.messages('warn')).toHaveLength(1);
    expect(log.messages('warn')[0]).toContain('something that is no socket');
    expect(statSync(path).isFile()).toBe(true);
  });

  it('that cannot be made is told once and stops nothing', async () => {
    writeFileSync(join(directory, 'run'), '');
    const { log } = await serve();
    expect(log.messages('warn')).toHaveLength(1);
    expect(await askStatus(path)).toHaveProperty('unanswered');
  });
});

describe('a client', () => {
  it('that writes gets its answer all the same', async () => {
    await serve();
    const client = connect(path);
    client.write('x'.repeat(10_000));
    expect(JSON.parse(await closed(client))).toEqual(document);
  });

  it('that does not read is cut after the deadline, and holds up nobody', async () => {
    const clock = new FakeClock();
    // More than the kernel's buffers take.
    await serve('x'.repeat(4_000_000), clock);
    const idle = connect(path);
    idle.pause();
    await serving(clock, 1);
    await clock.advance(2_000);
    const ended = closed(idle);
    idle.resume();
    const text = await ended;
    expect(text.length).toBeLessThan(4_000_000);
    await serving(clock, 0);
  });

  it('too many are turned away, and the next is served again', async () => {
    const clock = new FakeClock();
    await serve('x'.repeat(4_000_000), clock);
    const idle = Array.from({ length: 8 }, () =>
      connect(path)
        .on('error', () => undefined)
        .pause(),
    );
    await serving(clock, 8);
    expect(await Promise.all(Array.from({ length: 4 }, () => closed(connect(path))))).toEqual(
      Array(4).fill(''),
    );
    expect(clock.timers).toBe(8);
    await clock.advance(2_000);
    for (const client of idle) client.destroy();
    await serving(clock, 0);
    const late = connect(path);
    expect(await closed(late)).toHaveLength(4_000_000);
  });
});

describe('asking', () => {
  const answerWith = async (text: string) => {
    await serve(text);
    const answer = await askStatus(path);
    return 'unanswered' in answer ? answer.unanswered : '';
  };

  it('an agent that is not there says how to start it', async () => {
    expect(await askStatus(path)).toMatchObject({
      unanswered: expect.stringMatching(
        /not running.*systemctl start iot-security-agent/,
      ) as string,
    });
  });

  it('where something else is in place of the socket, it is not said that no agent runs', async () => {
    mkdirSync(join(directory, 'run'));
    writeFileSync(path, '');
    const answer = await askStatus(path);
    expect(answer).toMatchObject({
      unanswered: expect.stringMatching(/status\.sock is no socket.*Remove it/) as string,
    });
    expect(answer).not.toMatchObject({
      unanswered: expect.stringContaining('is not running') as string,
    });
  });

  it('what answers nonsense is told', async () => {
    expect(await answerWith('hello')).toMatch(/The answer of the agent/);
  });

  it('a busy agent is told', async () => {
    expect(await answerWith('')).toMatch(/busy/);
  });
});
