import type { StatusDocument } from '../../../agent/status/document.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import type { Event } from '../running-agent.js';
import type { Suite } from './initial-ram-disk.js';
import { packages } from './packages.js';
import { VirtualMachine } from './virtual-machine.js';

export const unit = 'iot-security-agent.service';
export const deviceId = 'device-1';
const configuration = '/etc/iot-security-agent';
const inside = '/opt/test/packages';

/** What of the kernel the agent may change while it runs. */
export interface KernelState {
  readonly rules: string;
  readonly status: readonly string[];
  readonly traces: readonly string[];
}

/** The packages on a machine of their own, with the hub beside them. */
export class InstalledAgent {
  private constructor(
    readonly machine: VirtualMachine,
    private readonly connectionString: string,
    private readonly caFile: string,
  ) {}

  static async boot(suite: Suite, parameters = ''): Promise<InstalledAgent> {
    const { files } = await packages();
    const named = files.map((file) => [`${inside}/${file.split('/').at(-1) ?? ''}`, file] as const);
    const machine = await VirtualMachine.boot({
      suite,
      parameters,
      files: Object.fromEntries(named),
    });
    const hub = await machine.startHub(deviceId);
    const settings = {
      highPriorityMessageFrequency: 'PT1S',
      lowPriorityMessageFrequency: 'PT1S',
      aggregationEnabledProcessCreate: false,
      aggregationEnabledConnectionCreate: false,
      snapshotFrequency: 'PT1H',
      // The kernel of the machine stands alone: nothing tells whether nftables is in it, which makes an agent degraded.
      eventPriorityFirewallConfiguration: 'Off',
    };
    const wrapped = Object.entries(settings).map(([key, value]) => [key, { value }] as const);
    await machine.patchDesired(deviceId, {
      [configurationObjectName]: Object.fromEntries(wrapped),
    });
    return new InstalledAgent(machine, hub.connectionString, hub.caFile);
  }

  /** As an operator does it, without any network. */
  install(): Promise<string> {
    // Half of an emulated processor is a twentieth of a real one.
    const quota = `/etc/systemd/system/${unit}.d/emulated.conf`;
    return this.machine.shell(
      `install -D /dev/stdin ${quota} <<< $'[Service]\\nCPUQuota=' && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${inside}/*.deb 2>&1`,
    );
  }

  /** Trusts the authority of the stand-in hub, which no real hub needs, and enrolls from standard input. */
  async enroll(): Promise<string> {
    await this.machine.shell(
      `install -m 644 ${this.caFile} ${configuration}/ca.pem && echo '{"trustedCaFile":"${configuration}/ca.pem"}' > ${configuration}/agent.json`,
    );
    const done = await this.machine.run(
      ['iot-security-agent', 'enroll', '--no-try'],
      this.connectionString,
    );
    if (done.code !== 0) throw new Error(`enroll ended with ${done.code}: ${done.stderr}`);
    return done.stdout;
  }

  async kernel(): Promise<KernelState> {
    const { machine } = this;
    const counters = /^(lost|backlog|backlog_wait_time_actual) /;
    const status = await machine.execute('auditctl', '-s');
    return {
      rules: (await machine.execute('auditctl', '-l')).trim(),
      status: status
        .trim()
        .split('\n')
        .filter((line) => !counters.test(line)),
      traces: (await machine.execute('ls', '/sys/kernel/tracing/instances'))
        .split('\n')
        .slice(0, -1),
    };
  }

  /** The status once it satisfies; rejects with the last one and the journal. */
  async status(
    what: string,
    satisfied: (status: StatusDocument) => boolean,
  ): Promise<StatusDocument> {
    let last: unknown;
    const look = async (): Promise<StatusDocument | undefined> => {
      const status = await this.machine.status('/run/iot-security-agent/status.sock');
      last = status;
      return 'unanswered' in status || !satisfied(status) ? undefined : status;
    };
    try {
      return await this.machine.await(what, patienceMs, look);
    } catch (error) {
      throw new Error(`${JSON.stringify(last, null, 1)}\n${await this.journal()}`, {
        cause: error,
      });
    }
  }

  journal(): Promise<string> {
    return this.machine.execute('journalctl', '-u', unit, '-o', 'cat', '-n', '60');
  }

  /** The payloads of an event that satisfy, once there are `count` of them. */
  async payloads(
    name: string,
    satisfies: (payload: Payload) => boolean,
    count = 1,
  ): Promise<readonly Payload[]> {
    let all: readonly Payload[] = [];
    try {
      return await this.machine.await(`${count} × ${name}`, patienceMs, async () => {
        const messages = await this.machine.messages();
        all = messages
          .flatMap(({ json }) => (json as { Events: readonly Event[] }).Events)
          .filter((event) => event.Name === name)
          .flatMap(({ Payload }) => Payload);
        const found = all.filter(satisfies);
        return found.length >= count ? found : undefined;
      });
    } catch (error) {
      const shown = JSON.stringify(all.slice(-8), null, 1);
      throw new Error(`Found: ${shown}\n${await this.journal()}`, { cause: error });
    }
  }

  /** Runs /bin/true with this mark and resolves when the hub was told. */
  async seesProgram(mark: string): Promise<Payload> {
    await this.machine.execute('/bin/true', mark);
    const [payload] = await this.payloads('ProcessCreate', ({ CommandLine }) =>
      String(CommandLine).endsWith(mark),
    );
    if (payload === undefined) throw new Error('No payload.');
    return payload;
  }
}

type Payload = Event['Payload'][number];

/** Under emulation, on a machine that may have more to do. */
const patienceMs = 240_000;
