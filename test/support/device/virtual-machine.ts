import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Unanswered } from '../../../agent/status/client.js';
import type { StatusDocument } from '../../../agent/status/document.js';
import type { JsonObject } from '../../../base/json.js';
import type {
  ModuleRegistration,
  ReceivedMessage,
  TwinView,
} from '../../../local-hub/hub/local-hub.js';
import type { Answer, Finished, Request } from './guest-requests.js';
import { bundleGuest, image, type Suite, withFiles } from './initial-ram-disk.js';

export type GuestMessage = Pick<ReceivedMessage, 'json' | 'problems' | 'properties'>;

/** No machine lives longer, whatever its test does. */
const lifeMs = 1_800_000;
const bootMs = 300_000;
/** Longer than the 120 s that systemd is given to have started everything. */
const settledMs = 180_000;

const mostBoots = 3;

interface BootOptions {
  readonly suite: Suite;
  /** On the host, by where they shall be inside. */
  readonly files: Readonly<Record<string, string>>;
  /** More parameters of the kernel. */
  readonly parameters?: string;
}

/** The kernel panicked or stood still before the programs of the test had begun. */
class BootFailure extends Error {
  override readonly name = 'BootFailure';
}

/**
 * A Debian release with its own kernel, booted under emulation: no virtualisation of the host is used, and it has no
 * network but its loopback. The test speaks to it over a serial line; the hub runs inside.
 */
export class VirtualMachine {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private nextId = 1;
  private readonly received: GuestMessage[] = [];

  private constructor(
    private readonly directory: string,
    private readonly emulator: ChildProcessByStdio<Writable, Readable, null>,
    private readonly deadline: NodeJS.Timeout,
  ) {}

  /**
   * Boots it again where its kernel panicked or stood still before anything of ours ran: emulated timers are known to fail
   * it so.
   */
  static async boot(options: BootOptions): Promise<VirtualMachine> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await VirtualMachine.bootOnce(options);
      } catch (error) {
        if (!(error instanceof BootFailure) || attempts === mostBoots) throw error;
        process.stdout.write(`${error.message}\nIt is booted again.\n`);
      }
    }
  }

  private static async bootOnce(options: BootOptions): Promise<VirtualMachine> {
    const directory = mkdtempSync(join(tmpdir(), 'agent-machine-'));
    try {
      const { kernel, archive } = await image(options.suite);
      const [guest, disk] = [join(directory, 'guest.cjs'), join(directory, 'disk.cpio')];
      await bundleGuest(guest);
      const own = { '/opt/test/guest.cjs': guest, '/opt/test/node': process.execPath };
      await withFiles(archive, { ...own, ...options.files }, disk);
      const parameters = `console=ttyS0 quiet loglevel=4 rdinit=/lib/systemd/systemd panic=-1 mitigations=off ${options.parameters ?? ''}`;
      // Ends with this process, however that ends.
      const emulator = spawn(
        'setpriv',
        [
          ...['--pdeathsig', 'KILL', 'qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max'],
          ...['-smp', '2', '-m', '2048', '-M', 'q35', '-display', 'none', '-nodefaults'],
          ...['-no-user-config', '-no-reboot', '-net', 'none', '-kernel', kernel, '-initrd', disk],
          ...['-append', parameters, '-serial', `file:${directory}/console`, '-serial', 'stdio'],
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      );
      const deadline = setTimeout(() => emulator.kill('SIGKILL'), lifeMs);
      const machine = new VirtualMachine(directory, emulator, deadline);
      await machine.started();
      return machine;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** What the kernel and systemd printed. */
  get console(): string {
    return readFileSync(join(this.directory, 'console'), 'utf8');
  }

  /** Runs a program to its end, whatever its exit code. */
  async run(command: readonly string[], input = ''): Promise<Finished> {
    return (await this.ask({ command, input })) as Finished;
  }

  /** Runs a program and resolves with what it printed; rejects when it fails. */
  async execute(...command: readonly string[]): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(command);
    if (code === 0) return stdout;
    throw new Error(`${command.join(' ')} ended with ${code ?? signal}: ${stdout}${stderr}`);
  }

  /** Runs a shell script; rejects when its last command fails. */
  shell(script: string): Promise<string> {
    return this.execute('/bin/bash', '-c', script);
  }

  /** What the agent that serves the socket answers. */
  async status(socket: string): Promise<StatusDocument | Unanswered> {
    return (await this.ask({ status: socket })) as StatusDocument | Unanswered;
  }

  async startHub(deviceId: string): Promise<ModuleRegistration & { readonly caFile: string }> {
    const answer = await this.ask({ hub: 'start', deviceId });
    return answer as ModuleRegistration & { caFile: string };
  }

  async patchDesired(deviceId: string, desired: JsonObject): Promise<void> {
    await this.ask({ hub: 'patch', deviceId, desired });
  }

  async twin(deviceId: string): Promise<TwinView> {
    return (await this.ask({ hub: 'twin', deviceId })) as TwinView;
  }

  /** All messages that the hub inside has received. */
  async messages(): Promise<readonly GuestMessage[]> {
    const answer = await this.ask({ hub: 'messages', from: this.received.length });
    this.received.push(...(answer as GuestMessage[]));
    return this.received;
  }

  /** Asks again and again until `find` answers; rejects with what is known by then. */
  async await<Found>(
    what: string,
    limitMs: number,
    find: () => Promise<Found | undefined>,
  ): Promise<Found> {
    const startMs = performance.now();
    for (;;) {
      const found = await find();
      if (found !== undefined) return found;
      if (performance.now() - startMs > limitMs)
        throw new Error(`Not within ${limitMs} ms: ${what}`);
      await sleep(300);
    }
  }

  async stop(): Promise<void> {
    const { emulator } = this;
    clearTimeout(this.deadline);
    if (emulator.exitCode === null && emulator.signalCode === null) {
      const ended = new Promise((resolve) => emulator.once('exit', resolve));
      emulator.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async started(): Promise<void> {
    const { emulator } = this;
    const here = new Promise<boolean>((resolve) => {
      this.waiting.set(0, () => resolve(true));
      emulator.once('exit', () => resolve(false));
      setTimeout(() => resolve(false), bootMs).unref();
    });
    createInterface({ input: emulator.stdout }).on('line', (line) => this.take(line));
    emulator.once('exit', () => this.abandon());
    if (!(await here)) {
      const shown = this.console.slice(-4000);
      await this.stop();
      const fault = `The virtual machine did not boot: ${shown}`;
      throw shown.includes('Kernel panic') ? new BootFailure(fault) : new Error(fault);
    }
    const settled = this.run(['timeout', '120', 'systemctl', 'is-system-running', '--wait']);
    const stands = new Promise<'stands'>((resolve) => {
      setTimeout(() => resolve('stands'), settledMs).unref();
    });
    if ((await Promise.race([settled, stands])) !== 'stands') return;
    // What it was asked is answered, as that of a machine that is gone.
    settled.catch(() => undefined);
    const shown = this.console.slice(-4000);
    await this.stop();
    throw new BootFailure(`The virtual machine stood still while it booted: ${shown}`);
  }

  private take(line: string): void {
    // A line that is torn by noise on the serial line is nobody's answer.
    if (!line.startsWith('{')) return;
    const answer = JSON.parse(line) as Answer;
    this.waiting.get(answer.id)?.(answer);
    this.waiting.delete(answer.id);
  }

  private abandon(): void {
    for (const [id, give] of this.waiting) give({ id, error: 'The virtual machine is gone.' });
    this.waiting.clear();
  }

  private async ask(request: Request): Promise<unknown> {
    if (this.emulator.exitCode !== null || this.emulator.signalCode !== null) {
      throw new Error('The virtual machine is gone.');
    }
    const id = this.nextId++;
    const answer = await new Promise<Answer>((resolve) => {
      this.waiting.set(id, resolve);
      this.emulator.stdin.write(`${JSON.stringify({ id, request })}\n`);
    });
    if ('error' in answer) throw new Error(answer.error);
    return answer.result;
  }
}
