import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A stream over a socket that is still being opened: what is written meanwhile waits. */
export class LateStream extends Duplex {
  private socket: Socket | undefined;

  constructor(private readonly opening: Promise<Socket>) {
    super();
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.opening.then(
      (socket) => {
        this.socket = socket;
        // Whoever gave it up meanwhile does not need it.
        if (this.destroyed) socket.destroy();
        else this.follow(socket);
        done();
      },
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override _read(): void {
    this.socket?.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.socket?.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.socket?.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket?.destroy();
    done(error);
  }

  private follow(socket: Socket): void {
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }
}
