import type { RefusalCode } from './hub/connect-check.js';
import { noFaults } from './hub/faults.js';
import type { LocalHub } from './hub/local-hub.js';
import type { ProvisioningService } from './services/provisioning.js';
import type { ConnectProxy } from './services/proxy.js';

/** What can be made to misbehave: the hub, the device that it offers, and the services that are there. */
export interface FaultyParts extends Pick<
  LocalHub,
  'faults' | 'dropConnections' | 'freezeConnections'
> {
  readonly rollKeys: (whose: 'module' | 'device') => void;
  readonly setModuleSasDisabled: (disabled: boolean) => void;
  readonly setDisabled: (disabled: boolean) => void;
  readonly proxyFaults?: ConnectProxy['faults'];
  readonly provisioningFaults?: ProvisioningService['faults'];
}

interface FaultCommand {
  /** What may follow the name, for the help; absent when nothing may. */
  readonly operand?: string;
  readonly accepts: RegExp;
  readonly meaning: string;
  /** Why it cannot be done now. */
  readonly unavailable?: (hub: FaultyParts) => string | undefined;
  readonly apply: (hub: FaultyParts, operand: string) => void;
}

const nothing = /^$/;
/** A status of HTTP that is no success. */
const refusal = /^[45]\d\d$/;

const commands: Readonly<Record<string, FaultCommand>> = {
  drop: {
    operand: '[rst]',
    accepts: /^(rst)?$/,
    meaning: 'Ends every connection now; rst resets it instead of closing it.',
    apply: (hub, operand) => hub.dropConnections(operand === 'rst' ? 'rst' : 'fin'),
  },
  freeze: {
    accepts: nothing,
    meaning: 'Present connections stay open and are never answered again, as behind a dead router.',
    apply: (hub) => hub.freezeConnections(),
  },
  silent: {
    accepts: nothing,
    meaning: 'Connections are taken and never answered.',
    apply: ({ faults }) => (faults.silent = true),
  },
  refuse: {
    operand: '1…5',
    accepts: /^[1-5]$/,
    meaning: 'Refuses every new connection with this MQTT code: 3 busy, 5 not authorised.',
    apply: ({ faults }, operand) => (faults.refuseConnectWith = Number(operand) as RefusalCode),
  },
  hold: {
    operand: 'puback | twin',
    accepts: /^(puback|twin)$/,
    meaning: 'Takes messages, or twin requests, and does not answer them.',
    apply: ({ faults }, operand) => {
      if (operand === 'puback') faults.withholdAcknowledgements = true;
      else faults.withholdTwinAnswers = true;
    },
  },
  delay: {
    operand: 'MILLISECONDS',
    accepts: /^\d{1,6}$/,
    meaning: 'Acknowledges each message so much later.',
    apply: ({ faults }, operand) => (faults.acknowledgementDelayMs = Number(operand)),
  },
  throttle: {
    operand: 'N',
    accepts: /^(?=.*[1-9])\d{1,4}(\.\d{1,3})?$/,
    meaning: 'Takes N messages a second and ends the connection of who sends more.',
    apply: ({ faults }, operand) =>
      (faults.telemetryThrottle = { perSecond: Number(operand), backlog: 0 }),
  },
  roll: {
    operand: 'module | device',
    accepts: /^(module|device)$/,
    meaning: 'Gives it new keys, which the registry tells; its connection ends.',
    apply: (hub, operand) => hub.rollKeys(operand === 'device' ? 'device' : 'module'),
  },
  sas: {
    operand: 'off | on',
    accepts: /^(off|on)$/,
    meaning: 'Whether modules may prove themselves by keys; off ends their connections.',
    apply: (hub, operand) => hub.setModuleSasDisabled(operand === 'off'),
  },
  device: {
    operand: 'off | on',
    accepts: /^(off|on)$/,
    meaning: 'Disables or enables the device with its modules.',
    apply: (hub, operand) => hub.setDisabled(operand === 'off'),
  },
  registry: {
    operand: 'STATUS',
    accepts: refusal,
    meaning: 'Refuses reads of the registry over HTTPS with this status.',
    apply: ({ faults }, operand) => void (faults.refuseRegistryReads = { status: Number(operand) }),
  },
  websocket: {
    operand: 'STATUS',
    accepts: refusal,
    meaning: 'Refuses WebSockets with this status.',
    apply: ({ faults }, operand) => void (faults.refuseWebSockets = Number(operand)),
  },
  dps: {
    operand: 'STATUS',
    accepts: refusal,
    meaning: 'The provisioning service refuses everything with this status.',
    unavailable: ({ provisioningFaults }) =>
      provisioningFaults ? undefined : 'There is no provisioning service: --identity dps has one.',
    apply: ({ provisioningFaults: faults }, operand) => {
      if (faults !== undefined) faults.refuse = { status: Number(operand) };
    },
  },
  proxy: {
    operand: 'STATUS | silence',
    accepts: /^([45]\d\d|silence)$/,
    meaning: 'The proxy refuses tunnels with this status, or never answers.',
    unavailable: ({ proxyFaults }) =>
      proxyFaults ? undefined : 'There is no proxy: --proxy-port opens one.',
    apply: ({ proxyFaults: faults }, operand) => {
      if (faults !== undefined) faults.refuse = operand === 'silence' ? operand : Number(operand);
    },
  },
  none: {
    accepts: nothing,
    meaning: 'Behaves again; keys stay as they are.',
    apply: (hub) => {
      Object.assign(hub.faults, noFaults());
      if (hub.proxyFaults !== undefined) hub.proxyFaults.refuse = undefined;
      if (hub.provisioningFaults !== undefined) hub.provisioningFaults.refuse = undefined;
      hub.setModuleSasDisabled(false);
      hub.setDisabled(false);
    },
  },
};

/** Every fault with its operand and its meaning, a line each. */
function help(): readonly string[] {
  return Object.entries(commands).map(
    ([name, { operand = '', meaning }]) => `  ${`${name} ${operand}`.padEnd(24)} ${meaning}`,
  );
}

/** Has the hub make the fault that a line asks for; gives what to show, and changes nothing when it cannot be understood. */
export function takeFault(hub: FaultyParts, line: string): readonly string[] {
  const [name = '', ...operands] = line.trim().split(/\s+/);
  if (name === '') return [];
  if (name === 'help') return help();
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return [`There is no fault '${name}'; 'help' lists them.`];
  const operand = operands.join(' ');
  if (!command.accepts.test(operand)) {
    const wanted = command.operand === undefined ? 'nothing' : command.operand;
    return [`'${name}' takes ${wanted}, not '${operand}'.`];
  }
  const fault = command.unavailable?.(hub);
  if (fault !== undefined) return [fault];
  command.apply(hub, operand);
  return [`${[name, ...operands].join(' ')}: ${command.meaning}`];
}
