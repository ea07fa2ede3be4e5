import type { Pam, PamRule } from '../facts/pam.js';
import type { Sudoers } from '../facts/sudoers.js';
import { check, type Check, fail, failIf, listed, notApplicable, pass } from './check.js';

/** The rules of one type of a service; undefined where the device has no such service. */
function stackOf(pam: Pam, service: string, type: PamRule['type']): PamRule[] | undefined {
  return pam.services.get(service)?.filter((rule) => rule.type === type);
}

const named = (rules: readonly PamRule[], module: RegExp): PamRule | undefined =>
  rules.find((rule) => module.test(rule.module));

/** The value of an option of a module, else of its file of settings. */
function optionOf(pam: Pam, rule: PamRule, name: string, file: string): string | undefined {
  const argument = rule.arguments.findLast((other) => other.startsWith(`${name}=`));
  return argument?.slice(name.length + 1) ?? pam.settings.get(file)?.get(name);
}

/** Ways to log in that ask for a password. */
const logins = ['login', 'sshd', 'dropbear'];

const strongSchemes = ['yescrypt', 'gost_yescrypt', 'sha512', 'blowfish'];
const noPasswords = 'passwords are not changed through PAM';

const lastOf = ({ defaults }: Sudoers, setting: string): string | undefined =>
  defaults.findLast((one) => one.replace(/^!/, '').split('=')[0] === setting);

export const authenticationChecks: readonly Check[] = [
  check({
    id: 'pam-password-quality',
    subject: 'authentication',
    title: 'New passwords cannot be short',
    severity: 'Important',
    expected: 'pam_pwquality or pam_cracklib with minlen of 14 or more, or pam_passwdqc',
    remedy: 'Install libpam-pwquality and write "minlen = 14" to /etc/security/pwquality.conf.',
    section: '5.3.1',
    ruleId: 'b042fda5-55f6-17ba-78d5-1ba33a4709f5',
    needs: ['pam'],
    judge(pam) {
      const rules = stackOf(pam, 'passwd', 'password');
      if (rules === undefined) return notApplicable(noPasswords);
      if (named(rules, /^pam_passwdqc\.so$/) !== undefined) return pass;
      const rule = named(rules, /^pam_(pwquality|cracklib)\.so$/);
      if (rule === undefined) return fail('no module that looks at new passwords');
      const length = optionOf(pam, rule, 'minlen', 'pwquality.conf') ?? '8 by default';
      return failIf(!(Number(length) >= 14) && `minlen is ${length}`);
    },
  }),
  check({
    id: 'pam-password-history',
    subject: 'authentication',
    title: 'Former passwords cannot be used again',
    severity: 'Warning',
    expected: 'pam_pwhistory or pam_unix with remember of 5 or more',
    remedy: 'Add "password required pam_pwhistory.so remember=5 use_authtok" before pam_unix.',
    section: '5.3.3',
    ruleId: '57bdeae2-863e-14fb-a463-d6ee64816b33',
    needs: ['pam'],
    judge(pam) {
      const rules = stackOf(pam, 'passwd', 'password');
      if (rules === undefined) return notApplicable(noPasswords);
      const history = named(rules, /^pam_pwhistory\.so$/);
      const unix = named(rules, /^pam_unix\.so$/)?.arguments.find((one) => /^remember=/.test(one));
      const kept =
        history === undefined
          ? unix?.slice('remember='.length)
          : (optionOf(pam, history, 'remember', 'pwhistory.conf') ?? '10');
      if (kept === undefined) return fail('none is remembered');
      return failIf(!(Number(kept) >= 5) && `remember is ${kept}`);
    },
  }),
  check({
    id: 'pam-password-hash',
    subject: 'authentication',
    title: 'New passwords are kept as hashes that are slow to guess from',
    severity: 'Important',
    expected: 'yescrypt or sha512 with pam_unix, or as ENCRYPT_METHOD in /etc/login.defs',
    remedy:
      'Write yescrypt or sha512 to the line of pam_unix, and ENCRYPT_METHOD to /etc/login.defs.',
    section: '5.3.4',
    ruleId: '01ec5346-882b-485d-8960-01dedd608792',
    needs: ['pam', '?loginDefs'],
    judge(pam, loginDefs) {
      const rules = stackOf(pam, 'passwd', 'password');
      if (rules === undefined) return notApplicable(noPasswords);
      const rule = named(rules, /^pam_unix\.so$/);
      if (rule === undefined) return notApplicable('passwords are not kept by pam_unix');
      const known = [...strongSchemes, 'sha256', 'md5', 'bigcrypt'];
      const scheme =
        rule.arguments.findLast((one) => known.includes(one)) ?? loginDefs?.get('ENCRYPT_METHOD');
      if (scheme === undefined) return fail('no scheme is named');
      return failIf(!strongSchemes.includes(scheme.toLowerCase()) && scheme);
    },
  }),
  check({
    id: 'pam-lockout',
    subject: 'authentication',
    title: 'Guessing passwords locks the account',
    severity: 'Important',
    expected: 'pam_faillock or pam_tally2 with deny of 1 to 5, wherever one can log in',
    remedy:
      'Add pam_faillock to the auth rules of PAM, and write "deny = 5" to /etc/security/faillock.conf.',
    ruleId: '1895704d-a326-90ca-3795-3a1289e7482d',
    needs: ['pam'],
    judge(pam) {
      const faults = logins.flatMap((service) => {
        const rules = stackOf(pam, service, 'auth');
        if (rules === undefined) return [];
        const rule = named(rules, /^pam_(faillock|tally2?)\.so$/);
        if (rule === undefined) return [`${service} does not count failures`];
        const deny = optionOf(pam, rule, 'deny', 'faillock.conf') ?? '3';
        return Number(deny) >= 1 && Number(deny) <= 5 ? [] : [`${service} has deny of ${deny}`];
      });
      return failIf(listed(faults));
    },
  }),
  check({
    id: 'pam-null-passwords',
    subject: 'authentication',
    title: 'An empty password opens nothing',
    severity: 'Important',
    expected: 'pam_unix without nullok wherever one can log in',
    remedy: 'Take nullok out of the auth line of pam_unix, in /etc/pam.d/common-auth on Debian.',
    needs: ['pam'],
    judge(pam) {
      const open = logins.filter((service) =>
        stackOf(pam, service, 'auth')?.some(
          (rule) => rule.module === 'pam_unix.so' && rule.arguments.includes('nullok'),
        ),
      );
      return failIf(open.length > 0 && `nullok for ${listed(open)}`);
    },
  }),
  check({
    id: 'pam-su-restricted',
    subject: 'authentication',
    title: 'Only members of a group can become root with su',
    severity: 'Warning',
    expected: 'pam_wheel required or requisite for su',
    remedy:
      'Write "auth required pam_wheel.so" to /etc/pam.d/su, and put nobody or few in the group.',
    section: '5.6',
    ruleId: '0c77cac0-1e99-8a8f-32e1-841d18b01a9a',
    needs: ['pam'],
    judge(pam) {
      const rules = stackOf(pam, 'su', 'auth');
      if (rules === undefined) return notApplicable('the device has no su that asks PAM');
      const rule = rules.find(
        ({ module, control }) => module === 'pam_wheel.so' && /^requi(red|site)$/.test(control),
      );
      return failIf(rule === undefined && 'su is open to everybody who knows a password');
    },
  }),
  check({
    id: 'sudo-passwordless',
    subject: 'authentication',
    title: 'Nobody becomes root without a password',
    severity: 'Important',
    expected: 'no rule of sudo with NOPASSWD for ALL commands, and no !authenticate',
    remedy:
      'Take NOPASSWD out of these rules in /etc/sudoers.d with visudo, or name the few commands.',
    needs: ['sudoers'],
    judge(sudoers) {
      const isOff = lastOf(sudoers, 'authenticate') === '!authenticate';
      const everybody = isOff ? ['everybody (!authenticate)'] : [];
      const some = sudoers.passwordless.filter((who) => who !== 'root');
      return failIf(listed([...everybody, ...new Set(some)]));
    },
  }),
  check({
    id: 'sudo-use-pty',
    subject: 'authentication',
    title: 'What sudo runs cannot write to the terminal of who ran it',
    severity: 'Warning',
    expected: 'Defaults use_pty',
    remedy: 'Write "Defaults use_pty" to /etc/sudoers with visudo.',
    needs: ['sudoers'],
    judge: (sudoers) => failIf(lastOf(sudoers, 'use_pty') !== 'use_pty' && 'use_pty is not set'),
  }),
  check({
    id: 'sudo-log',
    subject: 'authentication',
    title: 'What sudo runs is logged',
    severity: 'Informational',
    expected: 'Defaults syslog or logfile, and not !syslog',
    remedy: 'Take !syslog out of /etc/sudoers, or write "Defaults logfile=/var/log/sudo.log".',
    needs: ['sudoers'],
    judge(sudoers) {
      const isLogged =
        lastOf(sudoers, 'syslog') !== '!syslog' || lastOf(sudoers, 'logfile')?.includes('=');
      return failIf(isLogged !== true && '!syslog and no logfile');
    },
  }),
  check({
    id: 'doas-passwordless',
    subject: 'authentication',
    title: 'Nobody becomes root with doas without a password',
    severity: 'Important',
    expected: 'no rule of /etc/doas.conf that permits all commands with nopass',
    remedy: 'Take nopass out of these rules, or name the commands with cmd.',
    needs: ['text:/etc/doas.conf'],
    judge(text) {
      const rules = text.split('\n').map((line) => line.replace(/#.*$/, '').trim().split(/\s+/));
      const open = rules.filter(
        (words) =>
          words[0] === 'permit' &&
          words.includes('nopass') &&
          !words.includes('cmd') &&
          !/ root( as |$)/.test(words.join(' ').replace(/ as root\b/, '')),
      );
      return failIf(listed(open.map((words) => words.join(' '))));
    },
  }),
  check({
    id: 'login-securetty',
    subject: 'authentication',
    title: 'Root logs in on no terminal of the network',
    severity: 'Important',
    expected: 'no pseudo terminal in /etc/securetty',
    remedy: 'Take the lines that begin with pts/ or ttyp out of /etc/securetty.',
    needs: ['text:/etc/securetty'],
    judge: (text) =>
      failIf(
        listed(text.split('\n').filter((line) => /^(\/dev\/)?(pts\/|ttyp)/.test(line.trim()))),
      ),
  }),
];
