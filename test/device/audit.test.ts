import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Watch } from '../support/device/audit-support.js';
import {
  auditctl,
  kernelState,
  markersSeen,
  openAuditSocket,
  run,
  startAuditd,
  startPrograms,
  systemLogHolds,
  until,
  watch,
} from '../support/device/audit-support.js';
import { killedWatch } from '../support/device/killed-watch.js';

describe('the audit feed on the real kernel', () => {
  let before: ReturnType<typeof kernelState>;
  let watched: Watch | undefined;

  beforeEach(() => {
    // As after a boot; whoever switched it on before has been here for tests too.
    auditctl('-e', '0');
    before = kernelState();
  });

  afterEach(async () => {
    await watched?.stop();
    watched = undefined;
    expect(kernelState()).toEqual(before);
  });

  it('sees 3,000 programs started back to back, each exactly once, and loses nothing', async () => {
    watched = await watch();
    const { execs, losses } = watched;
    await startPrograms('burst', 3000);
    await until('all programs', 10_000, () => markersSeen(execs, 'burst').length >= 3000);
    const seen = markersSeen(execs, 'burst');
    expect(seen).toHaveLength(3000);
    expect(new Set(seen).size).toBe(3000);
    expect(Object.fromEntries(losses)).toEqual({});
    const one = execs.find(({ argv }) => argv[1] === 'burst-1');
    expect(one).toMatchObject({ argv: ['/bin/true', 'burst-1'], uid: 0, complete: true });
    expect(one?.exe).toMatch(/\/true$/);
  });

  it('notices deleted rules, sets them again within a second and says so', async () => {
    watched = await watch();
    const { execs, losses, sentences } = watched;
    auditctl('-D');
    await until('a sentence about the rules', 1500, () => sentences.length > 0);
    expect(sentences[0]).toMatch(/rules of this agent were deleted by somebody else.*set right/);
    expect(losses.get('blindSeconds')).toBeGreaterThanOrEqual(1);
    expect(losses.get('blindSeconds')).toBeLessThanOrEqual(2);
    await startPrograms('afterdelete', 20);
    await until('the programs', 3000, () => markersSeen(execs, 'afterdelete').length >= 20);
  });

  it('notices audit switched off, switches it on again within a second and says so', async () => {
    watched = await watch();
    const { execs, sentences } = watched;
    auditctl('-e', '0');
    await until('a sentence about audit', 1500, () => sentences.length > 0);
    expect(sentences[0]).toMatch(/switched off by somebody else.*set right/);
    expect(kernelState().status['enabled']).toBe('1');
    await startPrograms('afteroff', 20);
    await until('the programs', 3000, () => markersSeen(execs, 'afteroff').length >= 20);
  });

  it('gets a command line of 1.5 MB whole', async () => {
    watched = await watch();
    const { execs } = watched;
    const long = Array.from({ length: 15 }, (_, index) => `${index % 10}é`.repeat(33_000));
    await run('/bin/true', ['long-1', ...long]);
    await until('the program', 3000, () => markersSeen(execs, 'long').length > 0);
    const exec = execs.find(({ argv }) => argv[1] === 'long-1');
    expect(exec?.complete).toBe(true);
    expect(exec?.argv.slice(2)).toEqual(long);
  });

  it('reads a socket that was handed over, keeps it open, and delivers nothing of the time between', async () => {
    const handedOver = await openAuditSocket();
    watched = await watch('auto', handedOver.fd);
    await startPrograms('first', 10);
    const { execs } = watched;
    await until('the programs', 3000, () => markersSeen(execs, 'first').length >= 10);
    await watched.stop();
    expect(handedOver.isOpen()).toBe(true);
    watched = await watch('auto', handedOver.fd);
    await startPrograms('second', 10);
    const again = watched;
    await until('the programs', 3000, () => markersSeen(again.execs, 'second').length >= 10);
    await watched.stop();
    watched = undefined;
    handedOver.close();
  });

  it('goes on after a predecessor that was killed while it owned audit', async () => {
    const predecessor = await killedWatch();
    expect(kernelState().rules).toContain(`pid!=${predecessor.pid}`);
    try {
      watched = await watch();
      expect(watched.states.at(-1)).toEqual({ source: 'audit-owner' });
      expect(kernelState().rules).not.toContain(`pid!=${predecessor.pid}`);
      const { execs, losses } = watched;
      await startPrograms('afterkill', 100);
      await until('the programs', 3000, () => markersSeen(execs, 'afterkill').length >= 100);
      expect(Object.fromEntries(losses)).toEqual({});
      await watched.stop();
      watched = undefined;
    } finally {
      auditctl('-D');
      auditctl('-e', before.status['enabled'] ?? '0');
      auditctl('-b', before.status['backlog_limit'] ?? '64');
      auditctl('--backlog_wait_time', before.status['backlog_wait_time'] ?? '15000');
    }
  });

  it('passes the records of others on to the log of the system while it owns audit', async () => {
    watched = await watch();
    const marker = `foreign-${process.pid}-${Date.now()}`;
    auditctl('-m', marker);
    await until('the record in the log', 3000, () => systemLogHolds(marker));
    expect(Object.fromEntries(watched.losses)).toEqual({});
  });

  it('leaves the rules and the status of others alone', async () => {
    auditctl('-b', '9000');
    auditctl(
      '-a',
      'always,exit',
      '-F',
      'path=/etc/shadow-not-there',
      '-F',
      'perm=w',
      '-k',
      'theirs',
    );
    const theirs = kernelState();
    try {
      watched = await watch('never');
      expect(watched.states.at(-1)).toMatchObject({
        source: 'audit-multicast',
        limitation: expect.stringContaining('Nobody owns audit') as string,
      });
      expect(kernelState().status['backlog_limit']).toBe('9000');
      await watched.stop();
      watched = undefined;
      expect(kernelState()).toEqual(theirs);
    } finally {
      auditctl('-D');
      auditctl('-b', before.status['backlog_limit'] ?? '64');
    }
  });

  it('lets a real auditd take over at its second start, and sees every program after its rule load', async () => {
    watched = await watch();
    const { execs, states, sentences } = watched;
    const first = await startAuditd();
    await first.stop();
    expect(first.running).toBe(false);
    await until(
      'the audit-multicast state',
      3000,
      () => states.at(-1)?.source === 'audit-multicast',
    );
    const second = await startAuditd();
    try {
      expect(second.running).toBe(true);
      expect(kernelState().status['pid']).toBe(String(second.pid));
      auditctl('-D');
      auditctl('-b', '8192');
      auditctl('--backlog_wait_time', '60000');
      await until('a sentence about the rules', 3000, () => sentences.length > 0);
      await startPrograms('besideauditd', 500);
      await until('the programs', 5000, () => markersSeen(execs, 'besideauditd').length >= 500);
      expect(new Set(markersSeen(execs, 'besideauditd')).size).toBe(500);
      await watched.stop();
      expect(kernelState()).toMatchObject({ rules: 'No rules', status: { enabled: '1' } });
      expect(kernelState().status['pid']).toBe(String(second.pid));
    } finally {
      watched = undefined;
      await second.stop();
      auditctl('-e', before.status['enabled'] ?? '0');
      auditctl('-b', before.status['backlog_limit'] ?? '64');
      auditctl('--backlog_wait_time', before.status['backlog_wait_time'] ?? '15000');
    }
  });
});
