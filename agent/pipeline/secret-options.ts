/** Where a program takes secrets on its command line. */
export interface SecretOptions {
  /** Arguments after which the next one is a secret. */
  readonly next?: ReadonlySet<string>;
  /** The same for flags that share a dash with others. */
  readonly nextAfter?: RegExp;
  /** The start of an argument whose rest is a secret, such as the `-p` of `-psecret`. */
  readonly glued?: RegExp;
  /** Arguments without a dash that are secrets by their place. */
  readonly operand?: SecretOperand;
}

/** The place of a secret among the arguments that are neither options nor their values. */
export interface SecretOperand {
  /** The first that is a secret, counted from 1; all after it are taken for secrets too. */
  readonly from: number;
  /** Options whose value is the next argument. */
  readonly valued: RegExp;
  /** Options that take the place of an argument. */
  readonly inPlace?: RegExp;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Both ways: `-w secret` and `-wsecret`. */
const short = (letters: string): SecretOptions => ({
  next: words(letters.replace(/(?=.)/g, ' -').trim()),
  glued: new RegExp(`^-[${letters}]=?(?=.)`),
});

const gluedPassword: SecretOptions = { glued: /^-p(?=.)/ };
const ldap = short('w');
/** None of its options has a value. */
const never = /(?!)/;
const mosquitto: SecretOptions = { ...short('P'), next: words('-P --pw') };
const passwordP = short('p');
const passwordUpperP = short('P');
const samba: SecretOptions = { next: words('-U --user'), glued: /^(?:-U|--user=)(?=.)/ };
const httpie: SecretOptions = { next: words('-a --auth'), glued: /^(?:-a|--auth=)(?=.)/ };
const snmp = short('AXc');
const putty: SecretOptions = { next: words('-pw') };
const archiver: SecretOptions = { glued: /^-h?p(?=.)/ };
const account: SecretOptions = { next: words('-p --password') };
/** Flags of curl without a value, which may share a dash with one that has. */
const curlFlags = '-[afgijklnpqsvBGILMNORSVZ#0-6]*';
const curl: SecretOptions = {
  next: words('-b --cookie --oauth2-bearer --pass --proxy-pass --user --proxy-user'),
  nextAfter: new RegExp(`^${curlFlags}[uU]$`),
  glued: new RegExp(`^(?:${curlFlags}[uU](?=.)|--(?:user|proxy-user|cookie|pass)=)`),
};
const nmcliSecret =
  /^[+-]?(?:[\w-]+\.)?(?:(?:[\w-]+-)?(?:password(?:-raw)?|psk|pin)|wep-key\d|secrets)$|^\+?wireguard\.private-key$/;
const uci: SecretOptions = {
  glued: /^[\w.@[\]-]{0,128}?(?:key\d?|pass(?:word|wd|phrase)?|psk|pin|pwd|secret|token)=(?=[^])/,
};

/**
 * By the base name of the program; with a blank in it, by its subcommand, because `docker run -p` is a port. The names
 * that tell by themselves what follows (`--password`, `--token`) need no entry.
 */
export const secretOptions: ReadonlyMap<string, SecretOptions> = new Map([
  ['7z', gluedPassword],
  ['7za', gluedPassword],
  ['7zr', gluedPassword],
  ['az login', passwordP],
  ['bcp', passwordUpperP],
  ['cqlsh', passwordP],
  ['curl', curl],
  ['docker login', passwordP],
  [
    'htpasswd',
    // FILE USER PASSWORD; with -n there is no file.
    { operand: { from: 3, valued: /^-\w*[Cr]$/, inPlace: /^-\w*n/ } },
  ],
  ['http', httpie],
  ['https', httpie],
  ['ipmitool', passwordUpperP],
  ['iw', { next: words('key keys') }],
  ['iwconfig', { next: words('key enc') }],
  ['ldapadd', ldap],
  ['ldapmodify', ldap],
  ['ldapdelete', ldap],
  ['ldapsearch', ldap],
  ['ldapwhoami', ldap],
  ['ldappasswd', short('wsa')],
  ['lftp', short('u')],
  ['mariadb', gluedPassword],
  [
    'mkpasswd',
    { operand: { from: 1, valued: /^(?:-[mSRP]|--(?:method|salt|rounds|password-fd))$/ } },
  ],
  ['mongo', passwordP],
  ['mongodump', passwordP],
  ['mongoexport', passwordP],
  ['mongoimport', passwordP],
  ['mongorestore', passwordP],
  ['mongosh', passwordP],
  ['mosquitto_ctrl', mosquitto],
  ['mosquitto_passwd', { operand: { from: 3, valued: /^-[HI]$/ } }],
  ['mosquitto_pub', mosquitto],
  ['mosquitto_rr', mosquitto],
  ['mosquitto_sub', mosquitto],
  ['mysql', gluedPassword],
  ['mysqladmin', { ...gluedPassword, next: words('password') }],
  ['mysqldump', gluedPassword],
  ['mysqlimport', gluedPassword],
  ['ncftpget', passwordP],
  ['ncftpput', passwordP],
  ['ncat', { next: words('--proxy-auth'), glued: /^--proxy-auth=(?=.)/ }],
  ['nmcli', { nextAfter: nmcliSecret }],
  ['openssl', { next: words('-k -K -pass -passin -passout') }],
  [
    'openssl passwd',
    { operand: { from: 1, valued: /^-(?:in|salt|rand|writerand|provider(?:-path)?|propquery)$/ } },
  ],
  ['plink', putty],
  ['podman login', passwordP],
  ['pppd', { next: words('password') }],
  ['pscp', putty],
  ['psftp', putty],
  ['rar', archiver],
  ['rdesktop', passwordP],
  ['redis-cli', { ...short('a'), next: words('-a --pass') }],
  ['rpcclient', samba],
  ['smbclient', samba],
  ['smbget', samba],
  ['snmpbulkwalk', snmp],
  ['snmpget', snmp],
  ['snmpset', snmp],
  ['snmptrap', snmp],
  ['snmpwalk', snmp],
  ['sqlcmd', passwordUpperP],
  ['ssh-keygen', short('NP')],
  ['sshpass', passwordP],
  ['tsql', passwordUpperP],
  ['uci add_list', uci],
  ['uci set', uci],
  ['unrar', archiver],
  ['unzip', passwordUpperP],
  ['useradd', account],
  ['usermod', account],
  ['vault login', { glued: /^(?=[^-])/ }],
  ['wpa_cli', { next: words('psk password sae_password') }],
  ['wpa_passphrase', { operand: { from: 2, valued: never } }],
  ['xfreerdp', { glued: /^\/p:/ }],
  ['zip', passwordUpperP],
]);
