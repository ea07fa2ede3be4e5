import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containerOf } from '../../../../collectors/kernel/processes/container.js';

const id = '3601745b3bd54d9780436faa5f0e4f72bc2d3e9d3d6a0b3f6c7a2f4b5a6c7d8e';
const outer = '9f2c1de4a0b85e6d7c3b2a1908f7e6d5c4b3a29180f7e6d5c4b3a2918070605f';
const uid = '2c48913c-b29f-11e7-9350-020968147796';
const slice = uid.replaceAll('-', '_');
const burstable = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${slice}.slice`;
const user = '/user.slice/user-1000.slice/user@1000.service/user.slice';

describe('the container of a process', () => {
  it.each([
    ['docker, systemd driver, v2', `0::/system.slice/docker-${id}.scope`, { runtime: 'docker' }],
    [
      'docker, systemd in it',
      `0::/system.slice/docker-${id}.scope/init.scope`,
      { runtime: 'docker' },
    ],
    ['docker, cgroupfs driver, v2', `0::/docker/${id}`, { runtime: 'docker' }],
    [
      'docker, cgroupfs driver, v1 (the modules of IoT Edge)',
      `12:memory:/docker/${id}\n1:name=systemd:/docker/${id}\n0::/system.slice/containerd.service`,
      { runtime: 'docker' },
    ],
    ['docker under a parent of its own', `4:memory:/jobs/${id}`, {}],
    ['nerdctl', `0::/system.slice/nerdctl-${id}.scope`, { runtime: 'containerd' }],
    [
      'containerd of Kubernetes, systemd driver',
      `0::${burstable}/cri-containerd-${id}.scope`,
      { runtime: 'containerd', podId: uid },
    ],
    [
      'containerd of Kubernetes, asked in the form of the other driver',
      `5:cpu:/system.slice/containerd.service/kubepods-burstable-pod${slice}.slice:cri-containerd:${id}`,
      { runtime: 'containerd' },
    ],
    [
      'Kubernetes, cgroupfs driver, v1',
      `11:cpu,cpuacct:/kubepods/besteffort/pod${uid}/${id}`,
      { runtime: 'kubernetes', podId: uid },
    ],
    [
      'a pod from a file of the node',
      `0::/kubepods/burstable/pod2db95d25d6ce1a1d16a3da5be5f9b1a8/${id}`,
      { runtime: 'kubernetes', podId: '2db95d25d6ce1a1d16a3da5be5f9b1a8' },
    ],
    ['CRI-O', `0::${burstable}/crio-${id}.scope/container`, { runtime: 'cri-o', podId: uid }],
    ['Podman of root', `0::/machine.slice/libpod-${id}.scope/container`, { runtime: 'podman' }],
    ['Podman of a user', `0::${user}/libpod-${id}.scope`, { runtime: 'podman' }],
    ['Podman, cgroupfs driver', `0::/libpod_parent/libpod-${id}`, { runtime: 'podman' }],
    [
      'Podman in a unit',
      `0::/system.slice/web.service/libpod-payload-${id}`,
      { runtime: 'podman' },
    ],
    [
      'a pod of Podman',
      `0::/machine.slice/machine-libpod_pod_${outer}.slice/libpod-${id}.scope`,
      { runtime: 'podman', podId: outer },
    ],
    ['LXC', '0::/lxc.payload.web-1/system.slice/cron.service', { id: 'web-1', runtime: 'lxc' }],
    ['LXC before 4', '3:devices:/lxc/web/init.scope', { id: 'web', runtime: 'lxc' }],
    [
      'systemd-nspawn',
      '0::/machine.slice/machine-my\\x2dbox.scope/payload/system.slice/ssh.service',
      { id: 'my-box', runtime: 'systemd-nspawn' },
    ],
    [
      'systemd-nspawn as a service',
      '0::/machine.slice/systemd-nspawn@box.service/payload/init.scope',
      { id: 'box', runtime: 'systemd-nspawn' },
    ],
    [
      'systemd-nspawn, v1',
      '1:name=systemd:/machine.slice/machine-box.scope',
      { id: 'box', runtime: 'systemd-nspawn' },
    ],
    [
      'one whose group is removed',
      `0::/system.slice/docker-${id}.scope (deleted)`,
      { runtime: 'docker' },
    ],
    ['one seen from a name space of groups', `0::/../../docker-${id}.scope`, { runtime: 'docker' }],
  ])('is told: %s', (_what, cgroups, expected) => {
    expect(containerOf(`13:pids:/\n${cgroups}\n`)).toEqual({ id, ...expected });
  });

  it.each([
    ['a service', '0::/system.slice/docker.service'],
    ['the shim', '0::/system.slice/containerd.service'],
    ['what watches a container of Podman', `0::/machine.slice/libpod-conmon-${id}.scope`],
    ['what watches one of CRI-O', `0::${burstable}/crio-conmon-${id}.scope`],
    ['what watches one of LXC', '0::/lxc.monitor.web'],
    ['systemd-nspawn itself', '0::/machine.slice/machine-box.scope/supervisor'],
    ['a virtual machine', '1:name=systemd:/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope'],
    ['the root', '9:name=systemd:/\n0::/'],
    ['an id that is too short', `0::/docker/${id.slice(1)}`],
    ['an id that is too long', `0::/docker/${id}0`],
    ['nothing', ''],
  ])('is none of %s', (_what, cgroups) => {
    expect(containerOf(`${cgroups}\n`)).toBeUndefined();
  });

  it('is the outermost, which what runs in it cannot choose', () => {
    const inner = `/system.slice/docker-${outer}.scope/docker/${id}`;
    expect(containerOf(`0::${inner}`)?.id).toBe(outer);
    expect(containerOf(`0::/lxc.payload.web/docker/${id}`)?.id).toBe('web');
  });

  it('is short and printable or none, whatever the groups hold', () => {
    const part = fc.oneof(
      fc.constantFrom(':', '/', '\n', '-', '.scope', 'docker', 'lxc.payload.', 'machine-', id),
      fc.constantFrom('\\x2d', '\\x0a', '0::', 'payload', `pod${uid}`, 'libpod_pod_', 'lxc'),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        const { id: found = 'x', podId = 'x' } = containerOf(`0::/${parts.join('')}`) ?? {};
        expect(found).toMatch(/^[!-~]{1,128}$/);
        expect(podId).toMatch(/^[0-9a-fx-]{1,64}$/);
      }),
    );
    for (const hostile of ['a:', '-', 'pod', 'docker-', '\\x2', 'f', 'f/']) {
      const text = `0::/${hostile.repeat(4000 / hostile.length)}\n`.repeat(40);
      expect(containerOf(text)).toBeUndefined();
    }
  });
});
