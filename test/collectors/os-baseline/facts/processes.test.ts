import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInetd, parseXinetd } from '../../../../collectors/os-baseline/facts/inetd.js';
import {
  parseStatus,
  readProcesses,
  running,
} from '../../../../collectors/os-baseline/facts/processes.js';
import { rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

/** As Linux 6.1 writes it, shortened. */
const status = (name: string, pids: string, effective: string): string =>
  `Name:\t${name}\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nNStgid:\t${pids}\nNSpid:\t${pids}\nCapInh:\t0000000000000000\nCapEff:\t${effective}\nSeccomp:\t0\n`;
const all = '000001ffffffffff';
const identity = '         0          0 4294967295\n';

describe('processes', () => {
  it('tell what a container may do, as far as it can be seen', async () => {
    const paths = rootOf({
      'proc/sys/kernel/cap_last_cap': '40\n',
      'proc/1/status': status('init', '1', all),
      'proc/1/uid_map': identity,
      'proc/7/status': status('dockerd', '7', all),
      'proc/7/cmdline': '/usr/bin/dockerd\0-H\0tcp://0.0.0.0:2375\0',
      'proc/8/status': status('sh', '8\t1', all),
      'proc/8/uid_map': identity,
      'proc/9/status': status('httpd', '9\t6', '00000000a80425fb'),
      'proc/9/uid_map': '         0     100000      65536\n',
      'proc/10/status': status('sshd', '10', all),
      'proc/10/cmdline': 'sshd\0secret\0',
      'proc/12/comm': 'gone\n',
      'proc/self/status': status('node', '11', '0'),
    });
    const links = { 1: 'net:[1]', 8: 'net:[1]', 9: 'net:[2]' };
    for (const [pid, target] of Object.entries(links)) {
      mkdirSync(join(paths.procRoot, pid, 'ns'));
      symlinkSync(target, join(paths.procRoot, pid, 'ns/net'));
    }
    const context = await factContext(paths);
    expect(await readProcesses(context)).toEqual({
      value: [
        { pid: 1, name: 'init' },
        { pid: 10, name: 'sshd' },
        { pid: 7, name: 'dockerd', args: ['/usr/bin/dockerd', '-H', 'tcp://0.0.0.0:2375'] },
        {
          pid: 8,
          name: 'sh',
          contained: { first: true, allCapabilities: true, ownUsers: false, hostNetwork: true },
        },
        {
          pid: 9,
          name: 'httpd',
          contained: { first: false, allCapabilities: false, ownUsers: true, hostNetwork: false },
        },
      ],
    });
    expect(context.limitations).toEqual([]);
  });

  it('that are hidden are said to be', async () => {
    const context = await factContext(rootOf({ 'proc/9/status': status('node', '9', '0') }));
    expect(await readProcesses(context)).toEqual({ value: [{ pid: 9, name: 'node' }] });
    expect(context.limitations).toEqual([expect.stringContaining('hidepid')]);
  });

  it('of a container are no programs of the device', () => {
    const contained = { first: true, allCapabilities: false, ownUsers: true, hostNetwork: false };
    expect(running([{ pid: 1, name: 'telnetd', contained }], ['telnetd'])).toBeUndefined();
    expect(running([{ pid: 1, name: 'vncserver-x11-c' }], ['vncserver-x11-core'])).toBe(
      'vncserver-x11-c',
    );
  });

  it('have a status of which any text is read without harm', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseStatus(`Name:\t${text}\nNSpid:\t${text}\nCapEff:\t${text}\n`);
        expect(parsed?.name ?? 'x').not.toBe('');
      }),
    );
  });
});

describe('what inetd starts', () => {
  it('is what no sign puts out', () => {
    const text = `# inetd.conf\n#:STANDARD:\n#<off># ftp stream tcp nowait root /usr/sbin/tcpd\ntelnet\t\tstream\ttcp\tnowait\troot\t/usr/sbin/tcpd\t/usr/sbin/telnetd\n127.0.0.1:69 dgram udp wait nobody /usr/sbin/tcpd in.tftpd\nnonsense\n`;
    expect(parseInetd(text)).toEqual(['telnet', '69']);
  });

  it('is what xinetd does not have disabled', () => {
    const text = `# default: off\nservice telnet\n{\n\tflags\t= REUSE\n\tdisable\t= no\n}\nservice echo\n{\n  disable = yes\n  type = INTERNAL\n}\n#service ftp\n#{\n#}\nservice Time {\n  type = INTERNAL\n}\n`;
    expect(parseXinetd(text)).toEqual(['telnet', 'time']);
  });
});
