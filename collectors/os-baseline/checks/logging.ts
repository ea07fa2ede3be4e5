import { excessOf } from './file-permissions.js';
import { running } from '../facts/processes.js';
import { runningOf } from '../facts/units.js';
import { check, type Check, fail, failIf, listed, notApplicable, pass } from './check.js';

const syslogUnits = ['rsyslog.service', 'syslog-ng.service', 'syslogd.service', 'syslog.service'];
const syslogPrograms = ['rsyslogd', 'syslog-ng', 'syslogd', 'metalog', 'logd'];

const timeUnits = [
  'systemd-timesyncd.service',
  'chrony.service',
  'chronyd.service',
  'ntp.service',
  'ntpd.service',
  'ntpsec.service',
  'openntpd.service',
  'sysntpd.service',
  'ptp4l.service',
];
const timePrograms = ['systemd-timesyncd', 'chronyd', 'ntpd', 'ntpsec', 'openntpd', 'ptp4l'];

/** What the system log writes; other files in /var/log have rules of their own, as wtmp. */
const isSystemLog = (path: string): boolean =>
  /\/(syslog|messages|auth\.log|secure|kern\.log|daemon\.log|user\.log|cron(\.log)?|mail\.(log|info|warn|err)|maillog|debug|boot\.log)(\.\d+)?(\.gz)?(-\d+)?$/.test(
    path,
  );

export const loggingChecks: readonly Check[] = [
  check({
    id: 'time-synchronized',
    subject: 'logging',
    title: 'The clock is set by the network',
    severity: 'Important',
    expected: 'systemd-timesyncd, chrony, ntpd or the like is enabled or runs',
    remedy:
      'Run systemctl enable --now systemd-timesyncd, or have chronyd or ntpd started at boot.',
    section: '2.2.1.1',
    needs: ['units', 'processes'],
    judge: (units, processes) =>
      runningOf(units, timeUnits) !== undefined || running(processes, timePrograms) !== undefined
        ? pass
        : fail('nothing that sets the clock is enabled or runs'),
  }),
  check({
    id: 'log-service',
    subject: 'logging',
    title: 'A service takes the messages of the system',
    severity: 'Important',
    expected: 'systemd-journald, rsyslog, syslog-ng or syslogd is enabled or runs',
    remedy: 'Install rsyslog, or have syslogd of BusyBox started at boot.',
    section: '4.2.1.2',
    cceId: 'CCE-17698-2',
    ruleId: '27a8547e-ba91-4593-9360-d8e048e3c84e',
    needs: ['units', 'processes'],
    judge: (units, processes) =>
      units.all.has('systemd-journald.service') ||
      runningOf(units, syslogUnits) !== undefined ||
      running(processes, ['systemd-journald', ...syslogPrograms]) !== undefined
        ? pass
        : fail('nothing takes them'),
  }),
  check({
    id: 'journal-persistent',
    subject: 'logging',
    title: 'The journal is kept over a restart',
    severity: 'Important',
    expected: 'Storage=persistent in journald.conf, or /var/log/journal exists',
    remedy: 'Set Storage=persistent in /etc/systemd/journald.conf and restart systemd-journald.',
    section: '4.2.2.3',
    ruleId: '7b3aa0e4-0464-4a0e-a265-9a585c4f266e',
    needs: ['systemd:journald', '?file:/var/log/journal'],
    judge(settings, directory) {
      const storage = settings.get('Storage') ?? 'auto';
      if (storage === 'persistent') return pass;
      if (storage !== 'auto') return fail(`Storage=${storage}`);
      return directory === undefined ? fail('there is no /var/log/journal') : pass;
    },
  }),
  check({
    id: 'journal-compressed',
    subject: 'logging',
    title: 'The journal is compressed',
    severity: 'Informational',
    expected: 'no Compress=no in journald.conf',
    remedy: 'Take Compress=no out of /etc/systemd/journald.conf and restart systemd-journald.',
    section: '4.2.2.2',
    needs: ['systemd:journald'],
    judge(settings) {
      const value = settings.get('Compress') ?? 'yes';
      return failIf(/^(no|n|false|f|off|0)$/i.test(value) && `Compress=${value}`);
    },
  }),
  check({
    id: 'journal-forwarded',
    subject: 'logging',
    title: 'The journal reaches the syslog service that the device has',
    severity: 'Warning',
    expected:
      'no ForwardToSyslog=no in journald.conf, or rsyslog reads the journal itself (imjournal)',
    remedy: 'Set ForwardToSyslog=yes in /etc/systemd/journald.conf and restart systemd-journald.',
    section: '4.2.2.1',
    needs: ['systemd:journald', 'units', '?rsyslog'],
    judge(settings, units, rsyslog = '') {
      if (runningOf(units, syslogUnits) === undefined)
        return notApplicable('no other syslog service is enabled or runs');
      const value = settings.get('ForwardToSyslog') ?? 'yes';
      const isOff = /^(no|n|false|f|off|0)$/i.test(value);
      return failIf(isOff && !/\bimjournal\b/.test(rsyslog) && `ForwardToSyslog=${value}`);
    },
  }),
  check({
    id: 'journal-not-on-console',
    subject: 'debug',
    title: 'The journal is not written to a console',
    severity: 'Warning',
    expected: 'no ForwardToConsole=yes in journald.conf',
    remedy: 'Take ForwardToConsole=yes out of /etc/systemd/journald.conf.',
    needs: ['systemd:journald'],
    judge(settings) {
      const value = settings.get('ForwardToConsole') ?? 'no';
      return failIf(/^(yes|y|true|t|on|1)$/i.test(value) && `ForwardToConsole=${value}`);
    },
  }),
  check({
    id: 'log-files-mode',
    subject: 'logging',
    title: 'System logs are read by root and the group of the log alone',
    severity: 'Important',
    expected: 'system logs in /var/log have mode 0640 or stricter',
    remedy:
      'Run chmod 0640 on them, and set FileCreateMode in rsyslog.conf and create in logrotate.conf.',
    section: '4.2.1.4',
    cceId: 'CCE-18095-0',
    ruleId: 'fcc86485-487a-4644-87a0-f29f1b1cd28b',
    needs: ['logFiles'],
    judge: (logs) =>
      failIf(
        listed(
          logs
            .filter(({ path, state }) => isSystemLog(path) && (state.mode & ~0o640) !== 0)
            .map(({ path, state }) => `${path} (${state.mode.toString(8).padStart(4, '0')})`),
        ),
      ),
  }),
  check({
    id: 'log-files-group',
    subject: 'logging',
    title: 'System logs belong to root or the group of the log',
    severity: 'Important',
    expected: 'system logs in /var/log belong to the group root, adm, syslog or log',
    remedy: 'Run chgrp adm on them, and set FileGroup in rsyslog.conf.',
    cceId: 'CCE-18240-2',
    ruleId: 'c1d99621-913e-45f7-96e1-a60b1af83015',
    needs: ['logFiles', 'groups'],
    judge(logs, groups) {
      const names = ['root', 'adm', 'syslog', 'log', 'systemd-journal'];
      const gids = groups.filter(({ name }) => names.includes(name)).map(({ gid }) => gid);
      const others = logs.filter(
        ({ path, state }) => isSystemLog(path) && ![0, ...gids].includes(state.gid),
      );
      return failIf(listed(others.map(({ path, state }) => `${path} (group ${state.gid})`)));
    },
  }),
  check({
    id: 'log-files-not-writable',
    subject: 'logging',
    title: 'Nobody but their owner and group writes to files in /var/log',
    severity: 'Critical',
    expected: 'no file in /var/log can be written by everybody',
    remedy: 'Run chmod o-w on them: whoever can write to a log can take traces out of it.',
    needs: ['logFiles'],
    judge: (logs) =>
      failIf(
        listed(logs.filter(({ state }) => (state.mode & 0o002) !== 0).map(({ path }) => path)),
      ),
  }),
  check({
    id: 'log-directory',
    subject: 'logging',
    title: '/var/log belongs to root and cannot be written by everybody',
    severity: 'Important',
    expected: '/var/log owned by root, mode 0775 or stricter',
    remedy: 'Run chown root /var/log and chmod 0755 /var/log.',
    needs: ['file:/var/log'],
    judge: (file) => failIf(excessOf(file, 0o2775, [0])),
  }),
  check({
    id: 'rsyslog-configuration',
    subject: 'logging',
    title: 'The configuration of rsyslog cannot be changed by others',
    severity: 'Important',
    expected: '/etc/rsyslog.conf owned by root, mode 0644 or stricter',
    remedy: 'Run chown root:root /etc/rsyslog.conf and chmod 0644 /etc/rsyslog.conf.',
    needs: ['file:/etc/rsyslog.conf'],
    judge: (file) => failIf(excessOf(file, 0o644, [0])),
  }),
  check({
    id: 'rsyslog-local',
    subject: 'logging',
    title: 'Rsyslog takes no messages from the network',
    severity: 'Important',
    expected: 'no imudp, imtcp or imrelp input in the configuration of rsyslog',
    remedy: 'Take the inputs imudp, imtcp and imrelp out of /etc/rsyslog.conf and /etc/rsyslog.d.',
    cceId: 'CCE-17639-6',
    ruleId: '1e9567e1-d96d-4f90-be1a-0809947e789c',
    needs: ['rsyslog'],
    judge(text) {
      const plain = text.replaceAll(/^\s*#.*$/gm, '');
      const [input] =
        /^\s*\$(?:UDPServerRun|InputTCPServerRun|InputRELPServerRun)\b|\binput\s*\(\s*type\s*=\s*"im(?:udp|tcp|ptcp|relp)"/im.exec(
          plain,
        ) ?? [];
      return failIf(input?.trim());
    },
  }),
  check({
    id: 'logs-rotated',
    subject: 'logging',
    title: 'Logs that a syslog service writes are rotated',
    severity: 'Critical',
    expected: 'logrotate.timer is enabled, or /etc/cron.daily/logrotate exists',
    remedy: 'Install logrotate and run systemctl enable --now logrotate.timer.',
    section: '4.3',
    cceId: 'CCE-4182-2',
    ruleId: '2d2355e7-7b07-4c0e-a395-16499c27ae94',
    needs: ['units', '?file:/etc/cron.daily/logrotate'],
    judge(units, job) {
      if (job !== undefined || runningOf(units, ['logrotate.timer']) !== undefined) return pass;
      // BusyBox's syslogd and the journal keep their own size.
      const writer = runningOf(units, ['rsyslog.service', 'syslog-ng.service']);
      return writer === undefined
        ? notApplicable('no service writes logs without limit')
        : fail(`nothing rotates what ${writer} writes`);
    },
  }),
  check({
    id: 'audit-available',
    subject: 'logging',
    title: 'The kernel can tell who ran what (audit)',
    severity: 'Warning',
    expected: 'a kernel with CONFIG_AUDITSYSCALL, and no audit=0 among its parameters',
    remedy:
      'Build the kernel with CONFIG_AUDIT and CONFIG_AUDITSYSCALL, and take audit=0 out of its command line.',
    needs: ['commandLine', '?file:/proc/1/loginuid'],
    judge(commandLine, loginuid) {
      const value = commandLine.valueOf('audit');
      if (value === '0' || value === 'off') return fail(`audit=${value} on the command line`);
      return loginuid === undefined ? fail('the kernel has no audit of system calls') : pass;
    },
  }),
  check({
    id: 'audit-from-boot',
    subject: 'logging',
    title: 'Audit begins with the first process',
    severity: 'Informational',
    expected: 'audit=1 on the command line of the kernel',
    remedy:
      'Add audit=1 to the command line of the kernel: else what started before audit is never told of.',
    needs: ['commandLine', 'file:/proc/1/loginuid'],
    judge: (commandLine) =>
      failIf(!['1', 'on'].includes(commandLine.valueOf('audit') ?? '') && 'no audit=1'),
  }),
  check({
    id: 'audit-backlog',
    subject: 'logging',
    title: 'Audit events of the start of the device are not lost',
    severity: 'Informational',
    expected: 'audit_backlog_limit=8192 or more on the command line of the kernel',
    remedy: 'Add audit_backlog_limit=8192 to the command line of the kernel.',
    needs: ['commandLine', 'file:/proc/1/loginuid'],
    judge(commandLine) {
      const value = commandLine.valueOf('audit_backlog_limit');
      if (value === undefined) return fail('no audit_backlog_limit, which is 64 then');
      return failIf(!(Number(value) >= 8192) && `audit_backlog_limit=${value}`);
    },
  }),
];
