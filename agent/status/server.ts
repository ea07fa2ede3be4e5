import { chmod, chown, link, lstat, rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { hasCode, reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { makeDirectory } from '../../base/make-directory.js';

const clientDeadlineMs = 2_000;
const mostClients = 8;
const probeDeadlineMs = 1_000;

interface StatusServerOptions {
  readonly path: string;
  /** The whole answer. */
  readonly answer: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The socket that answers with the status whoever may open it: root and the agent's group.
 *
 * 1. The socket appears at its path with its final owner and mode, and never takes the place of something else: not of
 *    a file, and not of the socket of an agent that lives. The socket of a dead one is replaced.
 * 2. A client gets the status of this moment and the end; nothing is read from it. It has `clientDeadlineMs`, and there
 *    are at most `mostClients` at a time.
 * 3. Whatever fails here is told once and never stops the agent.
 */
export class StatusServer {
  private server: Server | undefined;
  private inode: number | undefined;
  private readonly clients = new Set<Socket>();

  constructor(private readonly options: StatusServerOptions) {}

  /** Never rejects. */
  async start(): Promise<void> {
    const { clock, log, path } = this.options;
    try {
      await makeDirectory(dirname(path), 0o750);
      await clearStale(path, clock);
      await this.listen();
    } catch (error) {
      const reason = hasCode(error, 'EEXIST') ? 'another agent uses it already' : reasonOf(error);
      await this.stop();
      log.warn(
        `The status cannot be asked for at ${path}: ${reason}. The agent runs on without it; mend that, or set "runtimeDirectory" to another directory, and restart the agent.`,
      );
    }
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    for (const client of this.clients) client.destroy();
    if (server === undefined) return;
    await new Promise((resolve) => server.close(resolve));
    const own = await lstat(this.options.path).catch(() => undefined);
    if (own !== undefined && own.ino === this.inode) {
      await unlink(this.options.path).catch(() => undefined);
    }
  }

  private async listen(): Promise<void> {
    const { path } = this.options;
    const server = createServer({ pauseOnConnect: true }, (client) => this.serve(client));
    server.maxConnections = mostClients;
    server.unref();
    const temporary = `${path}.${process.pid}`;
    // Of a dead process that had the same number.
    await removeSocket(temporary);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(temporary, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', () => undefined);
    this.server = server;
    const { gid, ino } = await lstat(temporary);
    const ownGroup = process.getegid?.() ?? gid;
    // In a directory that hands its group on. The unit forbids chown(2), and its directory makes it needless.
    if (gid !== ownGroup) await chown(temporary, -1, ownGroup);
    await chmod(temporary, 0o660);
    // Unlike rename(2), link(2) refuses to take the place of anything.
    await link(temporary, path);
    this.inode = ino;
    await unlink(temporary);
  }

  private serve(client: Socket): void {
    this.clients.add(client);
    const deadline = this.options.clock.after(clientDeadlineMs, () => client.destroy());
    client.on('error', () => undefined);
    client.once('close', () => {
      deadline.cancel();
      this.clients.delete(client);
    });
    client.end(this.options.answer(), () => client.destroy());
  }
}

/** Takes away the socket of an agent that died. @throws Error when something else is there */
async function clearStale(path: string, clock: Clock): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('something that is no socket is in its place; remove it');
  if (await isServed(path, clock)) throw new Error('another agent uses it already');
  // Between the look and the removal another agent may have put its own there: the one that was moved is asked again.
  const aside = `${path}.stale-${process.pid}`;
  await rename(path, aside);
  if (await isServed(aside, clock)) {
    await link(aside, path);
    await unlink(aside);
    throw new Error('another agent uses it already');
  }
  await unlink(aside);
}

/** @throws Error when that cannot be found out */
function isServed(path: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const deadline = clock.after(probeDeadlineMs, () =>
      socket.destroy(new Error('what is there does not answer')),
    );
    socket.once('connect', () => {
      deadline.cancel();
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      deadline.cancel();
      if (hasCode(error, 'ECONNREFUSED')) resolve(false);
      else reject(error);
    });
  });
}

async function removeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true) await unlink(path);
}
