import type { ModuleState } from '../../../../collectors/os-baseline/facts/kernel-modules.js';
import type { CheckCases, Given } from '../judged.js';

const given = (state: Partial<ModuleState>): Given => [
  { loaded: false, builtIn: false, installed: false, ...state },
];

const keptOut: CheckCases = {
  pass: [
    given({}),
    given({ barred: 'install' }),
    given({ installed: true, barred: 'install' }),
    given({ installed: true, barred: 'blacklist' }),
  ],
  fail: [
    [given({ installed: true }), 'it is installed and not barred'],
    [given({ installed: true, loaded: true, barred: 'install' }), 'it is loaded'],
    [given({ builtIn: true, barred: 'install' }), 'it is built into the kernel'],
  ],
};

export const kernelModuleCases: Readonly<Record<string, CheckCases>> = Object.fromEntries(
  [
    'cramfs',
    'freevxfs',
    'jffs2',
    'hfs',
    'hfsplus',
    'udf',
    'usb-storage',
    'dccp',
    'sctp',
    'rds',
    'tipc',
    'firewire-core',
  ].map((module) => [`module-${module}`, keptOut]),
);
