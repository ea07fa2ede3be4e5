import { isYes, type AptSource } from '../facts/apt.js';
import { running } from '../facts/processes.js';
import { runningOf } from '../facts/units.js';
import { check, type Check, fail, failIf, listed, notApplicable, pass } from './check.js';

/** Of a source: its file and its address without user and password. */
const named = ({ file, uri }: AptSource): string =>
  `${uri.replace(/\/\/[^/@]*@/, '//')} in ${file}`;

const hasYes = (settings: ReadonlyMap<string, string>, names: readonly string[]) =>
  listed(names.filter((name) => isYes(settings.get(name.toLowerCase()))));

/** Services that bring a new image or packages by themselves. */
const updateUnits = [
  'mender-client.service',
  'mender-updated.service',
  'mender-authd.service',
  'rauc-hawkbit-updater.service',
  'swupdate.service',
  'aktualizr.service',
  'adu-agent.service',
  'deviceupdate-agent.service',
  'greenboot-healthcheck.service',
  'rpm-ostreed-automatic.timer',
  'dnf-automatic.timer',
  'dnf-automatic-install.timer',
  'snapd.service',
];
const updatePrograms = ['mender-update', 'mender', 'swupdate', 'aktualizr', 'rauc-hawkbit-u'];

/**
 * When the makers end security updates for everybody, by the distribution and its release: `debian.csv` and `ubuntu.csv` of
 * distro-info-data (eol-lts, eol-server), as of 2026-11. Others say it themselves in os-release.
 */
const ends: Readonly<Record<string, string>> = {
  'debian 9': '2022-06-30',
  'debian 10': '2024-06-30',
  'debian 11': '2026-08-31',
  'debian 12': '2028-06-30',
  'debian 13': '2030-06-30',
  'ubuntu 16.04': '2021-04-30',
  'ubuntu 18.04': '2023-05-31',
  'ubuntu 20.04': '2025-05-29',
  'ubuntu 22.04': '2027-06-01',
  'ubuntu 24.04': '2029-05-31',
  'ubuntu 26.04': '2031-05-29',
};

const endOf = (fields: ReadonlyMap<string, string>): string | undefined => {
  const own = fields.get('SUPPORT_END');
  if (own !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(own)) return own;
  const id = fields.get('ID') === 'raspbian' ? 'debian' : fields.get('ID');
  return ends[`${id ?? ''} ${fields.get('VERSION_ID') ?? ''}`];
};

export const updateChecks: readonly Check[] = [
  check({
    id: 'distribution-supported',
    subject: 'updates',
    title: 'The distribution still gets security updates',
    severity: 'Critical',
    expected:
      'a release before its end of support (SUPPORT_END in os-release, or a table as of 2026-11)',
    remedy: 'Upgrade to a release that its makers support, or buy extended support for this one.',
    needs: ['release'],
    judge({ fields, nowMs }) {
      const end = endOf(fields);
      const endMs = end === undefined ? Number.NaN : Date.parse(`${end}T23:59:59Z`);
      if (Number.isNaN(endMs))
        return notApplicable('the end of support of this distribution is not known');
      return failIf(endMs < nowMs && `its support ended on ${end ?? ''}`);
    },
  }),
  check({
    id: 'apt-trusted',
    subject: 'updates',
    title: 'Apt checks the signature of every source',
    severity: 'Critical',
    expected: 'no source with trusted=yes',
    remedy: 'Take trusted=yes out of the sources, and name the key of the source with signed-by.',
    needs: ['aptSources'],
    judge: (sources) =>
      failIf(listed(sources.filter(({ options }) => isYes(options.get('trusted'))).map(named))),
  }),
  check({
    id: 'apt-insecure-sources',
    subject: 'updates',
    title: 'Apt takes no source without a signature, or with a weak one',
    severity: 'Critical',
    expected: 'no source with allow-insecure, allow-weak or allow-downgrade-to-insecure',
    remedy: 'Take these options out of the sources, and use sources that are signed.',
    needs: ['aptSources'],
    judge(sources) {
      const names = ['allow-insecure', 'allow-weak', 'allow-downgrade-to-insecure'];
      const weak = ({ options }: AptSource) => names.some((name) => isYes(options.get(name)));
      return failIf(listed(sources.filter(weak).map(named)));
    },
  }),
  check({
    id: 'apt-unauthenticated',
    subject: 'updates',
    title: 'Apt installs no package that it cannot authenticate',
    severity: 'Critical',
    expected: 'no AllowUnauthenticated, AllowInsecureRepositories or the like in apt.conf',
    remedy: 'Take these settings out of /etc/apt/apt.conf and /etc/apt/apt.conf.d.',
    needs: ['aptConfiguration'],
    judge: (settings) =>
      failIf(
        hasYes(settings, [
          'APT::Get::AllowUnauthenticated',
          'Acquire::AllowInsecureRepositories',
          'Acquire::AllowWeakRepositories',
          'Acquire::AllowDowngradeToInsecureRepositories',
        ]),
      ),
  }),
  check({
    id: 'apt-verify-peer',
    subject: 'updates',
    title: 'Apt checks the certificates of its sources',
    severity: 'Important',
    expected: 'no Verify-Peer or Verify-Host set to false in apt.conf',
    remedy: 'Take Acquire::https::Verify-Peer and Verify-Host out of /etc/apt/apt.conf.d.',
    needs: ['aptConfiguration'],
    judge: (settings) =>
      failIf(
        listed(
          [...settings]
            .filter(([name, value]) => /::verify-(peer|host)$/.test(name) && !isYes(value))
            .map(([name]) => name),
        ),
      ),
  }),
  check({
    id: 'apt-clear-text',
    subject: 'updates',
    title: 'Apt fetches packages over HTTPS',
    severity: 'Informational',
    expected: 'no source over http or ftp',
    remedy:
      'Write https in the addresses of the sources: who listens sees what is not updated yet.',
    needs: ['aptSources'],
    judge: (sources) =>
      failIf(
        listed([...new Set(sources.filter(({ uri }) => /^(http|ftp):/i.test(uri)).map(named))]),
      ),
  }),
  check({
    id: 'updates-automatic',
    subject: 'updates',
    title: 'Security updates come by themselves',
    severity: 'Important',
    expected: 'an updater of images runs, or apt has APT::Periodic::Unattended-Upgrade "1"',
    remedy:
      'Run an updater of images (RAUC, Mender, SWUpdate), or install unattended-upgrades and enable it.',
    needs: ['units', 'processes', '?aptConfiguration'],
    judge(units, processes, apt) {
      if (runningOf(units, updateUnits) ?? running(processes, updatePrograms)) return pass;
      const days = apt?.get('apt::periodic::unattended-upgrade') ?? '0';
      const timer = units.all.get('apt-daily-upgrade.timer');
      if (days === '0') return fail('nothing that updates the device is enabled or runs');
      const isOff = timer !== undefined && (timer.masked || !(timer.enabled || timer.active));
      return failIf(isOff && 'apt-daily-upgrade.timer is not enabled');
    },
  }),
  check({
    id: 'reboot-not-pending',
    subject: 'updates',
    title: 'Updates that need a restart are in force',
    severity: 'Warning',
    expected: 'no /run/reboot-required',
    remedy: 'Restart the device: the kernel or a library that runs is not the updated one.',
    needs: ['?file:/run/reboot-required'],
    judge: (file) => failIf(file !== undefined && '/run/reboot-required'),
  }),
  check({
    id: 'certificates-valid',
    subject: 'updates',
    title: 'No certificate of the device has expired',
    severity: 'Important',
    expected: 'certificates in the usual places of /etc are valid at the time of the device',
    remedy: 'Renew them, or remove those that nothing uses.',
    needs: ['certificates'],
    judge: ({ files, nowMs }) =>
      failIf(
        listed(
          files
            .filter(({ expiresMs = Number.POSITIVE_INFINITY }) => expiresMs < nowMs)
            .map(
              ({ path, expiresMs = 0 }) =>
                `${path} (${new Date(expiresMs).toISOString().slice(0, 10)})`,
            ),
        ),
      ),
  }),
  check({
    id: 'certificates-lasting',
    subject: 'updates',
    title: 'No certificate of the device expires within 30 days',
    severity: 'Warning',
    expected: 'certificates in the usual places of /etc last for 30 days more',
    remedy: 'Renew them before they expire, best with a job that does it by itself.',
    needs: ['certificates'],
    judge: ({ files, nowMs }) =>
      failIf(
        listed(
          files
            .filter(
              ({ expiresMs = 0 }) => expiresMs >= nowMs && expiresMs < nowMs + 30 * 86_400_000,
            )
            .map(
              ({ path, expiresMs = 0 }) =>
                `${path} (${new Date(expiresMs).toISOString().slice(0, 10)})`,
            ),
        ),
      ),
  }),
  check({
    id: 'private-keys-hidden',
    subject: 'permissions',
    title: 'Private keys of services cannot be read by others',
    severity: 'Critical',
    expected:
      'key files in the usual places of /etc give nothing to others, and no writing to a group',
    remedy: 'Run chmod 0600 on them, and make new keys: the old ones may be known.',
    needs: ['certificates'],
    judge: ({ files }) =>
      failIf(
        listed(
          files
            .filter(({ key }) => key !== undefined && (key.mode & 0o027) !== 0)
            .map(({ path, key }) => `${path} (${(key?.mode ?? 0).toString(8).padStart(4, '0')})`),
        ),
      ),
  }),
];
