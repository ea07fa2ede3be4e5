import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isJournal, openJournalStream } from '../../base/journal-stream.js';
import { createLog } from '../../base/log.js';
import { LogOutput, type LogGap } from '../../base/log-output.js';
import { FakeClock, settle } from '../support/fake-clock.js';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'log-output-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** A reader of logs that can be stopped and started, on a socket as the journal has one. */
class Reader {
  readonly path = join(directory, 'stdout');
  text = '';
  private readonly connections = new Set<Socket>();
  private server: Server | undefined;

  async start({ reads = true } = {}): Promise<void> {
    const server = createServer((connection) => {
      this.connections.add(connection);
      connection.on('error', () => undefined);
      if (reads) this.readAll();
    });
    this.server = server;
    server.listen(this.path);
    await once(server, 'listening');
  }

  readAll(): void {
    for (const connection of this.connections)
      connection.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
  }

  async stop(): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    this.connections.clear();
    await new Promise((resolve) => this.server?.close(resolve));
  }
}

/** Lets what was written go through the kernel. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !condition(); turn++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  // As standard error is: nobody reads from it.
  socket.pause();
  return socket;
}

function outputTo(stream: Writable, reopen?: () => Promise<Writable>) {
  const clock = new FakeClock();
  const output = new LogOutput({ stream, clock, ...(reopen && { reopen }) });
  const gaps: LogGap[] = [];
  const lost: number[] = [];
  output.countLost((count) => lost.push(count));
  output.whenRegained((gap) => gaps.push(gap));
  return { clock, output, gaps, lostLines: () => lost.reduce((sum, count) => sum + count, 0) };
}

describe('a log whose reader has gone', () => {
  it('is counted line by line where there is no other reader', async () => {
    const reader = new Reader();
    await reader.start();
    const { output, lostLines } = outputTo(await connected(reader.path));
    output.write('one\n');
    await until(() => reader.text === 'one\n');
    await reader.stop();
    for (const line of ['two\n', 'three\n']) output.write(line);
    await until(() => lostLines() === 2);
    expect(output.problem).toBeDefined();
  });

  it('goes on at the journal that was stopped and started, without a line lost', async () => {
    const journal = new Reader();
    await journal.start();
    const { clock, output, gaps, lostLines } = outputTo(await connected(journal.path), () =>
      openJournalStream(journal.path),
    );
    output.write('<6>one\n');
    await until(() => journal.text === '<6>one\n');
    for (const round of [1, 2]) {
      await journal.stop();
      journal.text = '';
      output.write('<6>two\n');
      await until(() => output.problem !== undefined);
      await clock.advance(100);
      output.write('<4>three\n');
      await journal.start();
      await clock.advance(10_000);
      await until(() => gaps.length === round);
      const settings = 'iot-security-agent\n\n6\n1\n0\n0\n0\n';
      await until(() => journal.text === `${settings}<6>two\n<4>three\n`);
      expect(gaps.at(-1)).toMatchObject({ lost: 0, late: 2 });
      expect(output.problem).toBeUndefined();
    }
    expect(lostLines()).toBe(0);
    await journal.stop();
  });

  it('asks for another stream at once and then every 10 s, whatever the streams do', async () => {
    const broken = () =>
      new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken')) });
    let asked = 0;
    const refuse = (): Promise<Writable> => {
      asked++;
      return asked % 2 === 0
        ? Promise.reject(new Error('nobody there'))
        : Promise.resolve(broken());
    };
    const { clock, output, lostLines } = outputTo(broken(), refuse);
    output.write('one\n');
    await settle();
    expect(asked).toBe(1);
    for (let line = 0; line < 100; line++) output.write('another\n');
    await clock.advance(60_000);
    expect(asked).toBe(7);
    expect(lostLines()).toBe(0);
  });

  it('keeps no more than fits', async () => {
    const { output, lostLines } = outputTo(
      new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken')) }),
      () => Promise.reject(new Error('nobody there')),
    );
    for (let line = 0; line < 400; line++) output.write('x'.repeat(1024));
    await settle();
    expect(lostLines()).toBe(400 - 256);
  });
});

describe('a log whose reader does not read', () => {
  it('takes no more memory than a bound, counts, and goes on when it is read', async () => {
    const reader = new Reader();
    await reader.start({ reads: false });
    const stream = await connected(reader.path);
    const { output, gaps, lostLines } = outputTo(stream);
    for (let line = 0; line < 3000; line++) output.write(`${'x'.repeat(1023)}\n`);
    expect(stream.writableLength).toBeLessThan(300 * 1024);
    expect(lostLines()).toBeGreaterThan(1000);
    expect(output.problem).toBe('its reader does not read');
    reader.readAll();
    await until(() => gaps.length === 1);
    expect(gaps[0]?.lost).toBe(lostLines());
    expect(output.problem).toBeUndefined();
    output.write('again\n');
    await until(() => reader.text.endsWith('again\n'));
    expect(reader.text.length).toBe((3000 - lostLines()) * 1024 + 'again\n'.length);
    await reader.stop();
  });
});

/** A file on a disk that may be full; a failure does not close it, as it does not close standard error. */
class DiskFile extends Writable {
  readonly lines: string[] = [];
  isFull = true;

  override write(line: string, ...rest: readonly unknown[]): boolean {
    const done = rest.at(-1) as (error: Error | null) => void;
    const code = 'ENOSPC';
    const full = Object.assign(new Error(`${code}: no space left on device, write`), { code });
    if (!this.isFull) this.lines.push(line);
    done(this.isFull ? full : null);
    return true;
  }
}

describe('a log on a disk', () => {
  it('goes on when the disk has room again, and says how much is missing', () => {
    const disk = new DiskFile();
    const output = new LogOutput({ stream: disk, clock: new FakeClock() });
    const log = createLog('info', { output, isJournal: true });
    log.info('one');
    expect(output.problem).toBe('no space left on device (ENOSPC)');
    disk.isFull = false;
    log.info('two');
    expect(disk.lines).toEqual([
      '<6>two\n',
      expect.stringMatching(
        /^<4>.*: no space left on device \(ENOSPC\)\. Lines lost: 1;/,
      ) as string,
    ]);
    expect(output.problem).toBeUndefined();
  });
});

describe('standard error', () => {
  it('is the journal only when it is the stream that systemd opened', () => {
    const descriptor = openSync('/dev/null', 'r');
    const { dev, ino } = fstatSync(descriptor);
    expect(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
    expect(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino + 1}` })).toBe(false);
    expect(isJournal(descriptor, {})).toBe(false);
    closeSync(descriptor);
    expect(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(false);
  });
});
