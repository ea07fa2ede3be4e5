import { running } from '../facts/processes.js';
import { runningOf } from '../facts/units.js';
import { excessOf } from './file-permissions.js';
import { check, type Check, fail, failIf, notApplicable, pass } from './check.js';

const cronUnits = ['cron.service', 'crond.service', 'cronie.service', 'dcron.service'];

export const jobChecks: readonly Check[] = [
  check({
    id: 'cron-runs',
    subject: 'services',
    title: 'Jobs of cron are done',
    severity: 'Critical',
    expected: 'where the device has cron, it is enabled or runs',
    remedy: 'Run systemctl enable --now cron, or remove the package where the device has no jobs.',
    section: '5.1.1',
    cceId: 'CCE-4324-0',
    ruleId: '80302f61-d760-4165-a92b-a789e579380f',
    needs: ['units', 'processes'],
    judge(units, processes) {
      if (runningOf(units, cronUnits) ?? running(processes, ['cron', 'crond'])) return pass;
      const unit = cronUnits.find((name) => units.all.has(name));
      return unit === undefined
        ? notApplicable('the device has no cron')
        : fail(`${unit} is not enabled and does not run`);
    },
  }),
  ...(['cron', 'at'] as const).map((name) =>
    check({
      id: `${name}-restricted`,
      subject: 'services',
      title: `Only those who are named may use ${name}`,
      severity: 'Warning',
      expected: `/etc/${name}.allow owned by root, mode 0640 or stricter`,
      remedy: `Write the users who need it to /etc/${name}.allow, chmod 0640 it, and remove /etc/${name}.deny.`,
      ...(name === 'cron' && {
        section: '5.1.8',
        ruleId: '7ac5f3c8-917b-548e-3138-c6e326a362fc',
      }),
      needs: [
        name === 'cron' ? 'file:/usr/bin/crontab' : 'file:/usr/bin/at',
        name === 'cron' ? '?file:/etc/cron.allow' : '?file:/etc/at.allow',
      ],
      judge: (_program, allow) =>
        allow === undefined
          ? fail(`there is no /etc/${name}.allow`)
          : // Where others may not read it, its group may: crontab and at are set-group-id for it.
            failIf(excessOf({ ...allow, gid: 0 }, 0o640, [0])),
    }),
  ),
  check({
    id: 'crontabs-hidden',
    subject: 'permissions',
    title: 'Tables of jobs of users cannot be read or changed by others',
    severity: 'Important',
    expected: '/var/spool/cron/crontabs owned by root, mode 1730 or stricter',
    remedy: 'Run chown root /var/spool/cron/crontabs and chmod o= /var/spool/cron/crontabs.',
    needs: ['file:/var/spool/cron/crontabs'],
    judge: (file) => failIf(excessOf({ ...file, gid: 0 }, 0o1770, [0])),
  }),
];
