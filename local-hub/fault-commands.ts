import type { RefusalCode } from './hub/connect-check.js';
import { noFaults } from './hub/faults.js';
import type { LocalHub } from './hub/local-hub.js';

type FaultyHub = Pick<LocalHub, 'faults' | 'dropConnections' | 'freezeConnections'>;

interface FaultCommand {
  /** What may follow the name, for the help; absent when nothing may. */
  readonly operand?: string;
  readonly accepts: RegExp;
  readonly meaning: string;
  readonly apply: (hub: FaultyHub, operand: string) => void;
}

const nothing = /^$/;

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
  none: {
    accepts: nothing,
    meaning: 'Behaves again.',
    apply: ({ faults }) => Object.assign(faults, noFaults()),
  },
};

/** Every fault with its operand and its meaning, a line each. */
function help(): readonly string[] {
  return Object.entries(commands).map(
    ([name, { operand = '', meaning }]) => `  ${`${name} ${operand}`.padEnd(20)} ${meaning}`,
  );
}

/** Has the hub make the fault that a line asks for; gives what to show, and changes nothing when it cannot be understood. */
export function takeFault(hub: FaultyHub, line: string): readonly string[] {
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
  command.apply(hub, operand);
  return [`${[name, ...operands].join(' ')}: ${command.meaning}`];
}
