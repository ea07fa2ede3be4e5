import { describe, expect, it } from 'vitest';
import { takeFault } from '../../local-hub/fault-commands.js';
import { noFaults } from '../../local-hub/hub/faults.js';
import type { ProvisioningService } from '../../local-hub/services/provisioning.js';
import type { ConnectProxy } from '../../local-hub/services/proxy.js';

function faultyHub() {
  const done: string[] = [];
  return {
    faults: noFaults(),
    done,
    dropConnections: (how = 'fin') => void done.push(`drop ${how}`),
    freezeConnections: () => void done.push('freeze'),
    rollKeys: (whose: string) => void done.push(`roll ${whose}`),
    setModuleSasDisabled: (disabled: boolean) => void done.push(`module keys off: ${disabled}`),
    setDisabled: (disabled: boolean) => void done.push(`device off: ${disabled}`),
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
    ['registry 429', { refuseRegistryReads: { status: 429 } }],
    ['websocket 403', { refuseWebSockets: 403 }],
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

  it('has it change how the device may prove itself, and take that back', () => {
    const hub = faultyHub();
    const lines = ['roll module', 'roll device', 'sas off', 'sas on', 'device off', 'none'];
    for (const line of lines) takeFault(hub, line);
    expect(hub.done).toEqual([
      'roll module',
      'roll device',
      'module keys off: true',
      'module keys off: false',
      'device off: true',
      'module keys off: false',
      'device off: false',
    ]);
  });

  it('has the services beside the hub refuse, where they are there', () => {
    const proxyFaults: ConnectProxy['faults'] = { refuse: undefined };
    const provisioningFaults = { refuse: undefined } as ProvisioningService['faults'];
    const all = { ...faultyHub(), proxyFaults, provisioningFaults };
    for (const line of ['proxy silence', 'dps 503']) takeFault(all, line);
    expect([proxyFaults.refuse, provisioningFaults.refuse]).toEqual(['silence', { status: 503 }]);
    takeFault(all, 'proxy 407');
    expect(proxyFaults.refuse).toBe(407);
    takeFault(all, 'none');
    expect([proxyFaults.refuse, provisioningFaults.refuse]).toEqual([undefined, undefined]);
    expect(takeFault(faultyHub(), 'proxy 407')).toEqual([
      'There is no proxy: --proxy-port opens one.',
    ]);
    expect(takeFault(faultyHub(), 'dps 503').join()).toMatch(/^There is no provisioning service/);
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
