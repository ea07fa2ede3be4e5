import { describe, expect, it } from 'vitest';
import { takeFault } from '../../local-hub/fault-commands.js';
import { noFaults } from '../../local-hub/hub/faults.js';

function faultyHub() {
  const done: string[] = [];
  return {
    faults: noFaults(),
    done,
    dropConnections: (how = 'fin') => void done.push(`drop ${how}`),
    freezeConnections: () => void done.push('freeze'),
  };
}

describe('a person at the stand-in hub', () => {
  it.each([
    ['silent', { silent: true }],
    ['refuse 5', { refuseConnectWith: 5 }],
    ['hold puback', { withholdAcknowledgements: true }],
    ['  hold   twin ', { withholdTwinAnswers: true }],
    ['delay 1500', { acknowledgementDelayMs: 1500 }],
    ['throttle 0.5', { telemetryThrottle: { perSecond: 0.5, backlog: 0 } }],
  ])('has it make the fault %s, and behave again', (line, faults) => {
    const hub = faultyHub();
    expect(takeFault(hub, line)).toHaveLength(1);
    expect(hub.faults).toEqual({ ...noFaults(), ...faults });
    takeFault(hub, 'none');
    expect(hub.faults).toEqual(noFaults());
  });

  it('has it end or freeze connections', () => {
    const hub = faultyHub();
    for (const line of ['drop', 'drop rst', 'freeze']) takeFault(hub, line);
    expect(hub.done).toEqual(['drop fin', 'drop rst', 'freeze']);
  });

  it.each([
    ['explode', "There is no fault 'explode'; 'help' lists them."],
    ['constructor', "There is no fault 'constructor'; 'help' lists them."],
    ['refuse 6', "'refuse' takes 1…5, not '6'."],
    ['throttle 0', "'throttle' takes N, not '0'."],
    ['none of them', "'none' takes nothing, not 'of them'."],
  ])('is told what is wrong with %s, and nothing changes', (line, sentence) => {
    const hub = faultyHub();
    expect(takeFault(hub, line)).toEqual([sentence]);
    expect(hub).toMatchObject({ faults: noFaults(), done: [] });
  });

  it('gets help for every fault, and no answer to an empty line', () => {
    const help = takeFault(faultyHub(), 'help').join('\n');
    for (const name of ['drop [rst]', 'freeze', 'silent', 'refuse', 'hold', 'delay', 'throttle'])
      expect(help).toContain(name);
    expect(takeFault(faultyHub(), ' ')).toEqual([]);
  });
});
