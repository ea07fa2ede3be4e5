import { carriers } from './carriers.js';
import { words, type Login, type Program, type Reads } from './program.js';

type Row = readonly [names: string, program: Program];

/** Both ways: `-w secret` and `-wsecret`. */
const short = (letters: string): Program => ({
  next: words(letters.replace(/(?=.)/g, ' -').trim()),
  glued: new RegExp(`^-[${letters}]=?(?=.)`),
});
const next = (options: string): Program => ({ next: words(options) });
const operand = (...at: number[]): Program => ({ operand: { at } });
const login = (options: RegExp, separator: Login['separator']): Program => ({
  login: { options, separator },
});
/** A user with a secret, or a token in the place of the user; `glued` is the start of both in one argument. */
const loginOrToken = (options: RegExp, separator: Login['separator'], glued?: RegExp): Program => ({
  login: { options, separator, orUser: true, ...(glued !== undefined && { glued }) },
});
const reads = (what: Reads['what'], when?: RegExp): Program => ({
  reads: { what, ...(when !== undefined && { when }) },
});
const quiet: Program = { quiet: true };

const gluedPassword: Program = { glued: /^-p(?=.)/ };
/** `-ps` and the like would be other flags of it. */
const archiver: Program = { glued: /^-h?p(?=.)/ };
const curlFlags = '-[afgijklnpqsvBGILMNORSVZ#0-6]*';
const curlOptions = new RegExp(`^(?:${curlFlags}[uU]|--(?:user|proxy-user))$`);
const curlGlued = new RegExp(`^(?:${curlFlags}[uU]|--(?:user|proxy-user)=)(?=[^:]*:)`);
const nmcliSecret =
  /^(?!wpa-psk$)[+-]?(?:[\w-]+\.)?(?:(?:[\w-]+-)?(?:password(?:-raw)?|psk|pin)|wep-key\d|secrets)$|^\+?(?:wireguard\.private-key|macsec\.mka-cak)$/;
const uci: Program = {
  glued:
    /^[\w.@[\]-]{0,128}?(?:key\d?|pass(?:word|wd|phrase)?|psk|pin|pwd|secret|token)=(?!['"]?\/[\w./-]+['"]?$)(?=[^])/,
};
const samba: Program = {
  glued: /^(?:-U(?=[^%]*%.)|--user=[^%]*%(?=.))/,
  ...login(/^(?:-U|--user)$/, '%'),
};
const stdinFlag = /^--(?:password-stdin|with-token|stdin)$/;

/**
 * Where programs take secrets, by the base name of the program; with a colon in it, by its subcommand, because
 * `docker run -p` is a port. Options that tell by their names what follows (`--password`, `--token`) need no row.
 */
export const programs: readonly Row[] = [
  // Files and archives
  ['7z 7za 7zr 7zz', gluedPassword],
  ['rar unrar', archiver],
  ['zip unzip zipcloak', { ...short('P'), nextAfter: /^-\w*P$/ }],
  [
    'gpg gpg2',
    {
      plain: words('--default-key --list-keys --recv-keys --keyserver'),
      ...reads('secret', /^--passphrase-fd$/),
    },
  ],
  [
    'openssl',
    {
      next: words('-k -K -pass -passin -passout -hmac'),
      glued: /^(?:hex)?key:(?=.)/,
      plain: words('-key -inkey'),
    },
  ],
  [
    'openssl:passwd',
    {
      operand: {
        at: [1],
        andRest: true,
        valued: /^-(?:in|salt|rand|writerand|provider(?:-path)?|propquery)$/,
      },
      ...reads('secret', /^-stdin$/),
    },
  ],
  [
    'keytool jarsigner apksigner',
    next(
      '-storepass -keypass -srcstorepass -deststorepass -srckeypass -destkeypass -new --ks-pass',
    ),
  ],
  ['signtool', next('/p')],
  ['cryptsetup', reads('secret')],
  ['veracrypt', { ...short('p'), ...reads('secret', /^--stdin$/) }],
  ['fscrypt ecryptfs-add-passphrase ecryptfs-unwrap-passphrase', reads('secret')],
  ['rclone:config', { nextAfter: /^(?:pass|password2?|token|key|account_key|\w*secret\w*)$/ }],
  ['rclone:obscure', { ...operand(1), ...reads('secret', /^-$/) }],
  // Accounts
  ['useradd usermod', short('p')],
  ['groupadd groupmod', short('p')],
  ['chpasswd chgpasswd newusers', reads('pairs')],
  ['passwd', reads('secret')],
  ['smbpasswd pdbedit', { ...samba, ...reads('secret', /^-\w*[st]\w*$/) }],
  ['pw', reads('secret', /^-[hH]$/)],
  [
    'mkpasswd cryptpw',
    {
      operand: {
        at: [1],
        andRest: true,
        valued: /^(?:-[mSRP]|--(?:method|salt|rounds|password-fd))$/,
      },
      ...reads('secret', /^(?:-s|--stdin|-P)$/),
    },
  ],
  [
    'htpasswd',
    {
      operand: { at: [3], andRest: true, valued: /^-\w*[Cr]$/, inPlace: /^-\w*n/ },
      ...reads('secret', /^-\w*i/),
    },
  ],
  ['htdigest', reads('secret')],
  ['argon2', reads('secret')],
  ['kinit kpasswd', reads('secret')],
  ['kadmin kadmin.local', { ...short('w'), next: words('-w -pw') }],
  ['realm', reads('secret')],
  ['keyctl', reads('secret', /^p(?:add|update|instantiate)$/)],
  ['keyctl:add', operand(3)],
  ['secret-tool', reads('secret', /^store$/)],
  ['gnome-keyring-daemon', reads('secret', /^--unlock$/)],
  ['radtest', operand(2, 5)],
  ['ldapadd ldapmodify ldapdelete ldapsearch ldapwhoami ldapcompare', short('w')],
  ['ldappasswd', short('wsa')],
  ['slappasswd', short('s')],
  [
    'net rpcclient pth-winexe pth-rpcclient smbclient smbget smbcacls smbtree wbinfo samba-tool nmblookup smbtar smbspool winexe wmic regtool ntlm_auth',
    samba,
  ],
  ['crackmapexec nxc netexec evil-winrm', short('pH')],
  ['secretsdump.py psexec.py wmiexec.py smbexec.py', next('-hashes -aesKey')],
  ['nikto', login(/^-id$/, ':')],
  ['pppd', next('password')],
  ['vncpasswd', reads('secret')],
  ['vncviewer xtightvncviewer', { plain: words('-passwd --passwd') }],
  ['x11vnc', next('-passwd -storepasswd -viewpasswd')],
  // Databases and messages
  [
    'mysql mysqldump mysqlimport mysqlcheck mysqlshow mysqlpump mysqlslap mysqlbinlog mariadb mariadb-dump mycli xtrabackup mariabackup',
    gluedPassword,
  ],
  ['mysqladmin mariadb-admin', { ...gluedPassword, next: words('password') }],
  ['mongo mongosh mongodump mongoexport mongoimport mongorestore mongostat', short('p')],
  [
    'redis-cli valkey-cli',
    { ...short('a'), next: words('-a --pass --askpass AUTH auth requirepass masterauth') },
  ],
  ['bcp sqlcmd tsql', short('P')],
  ['isql iusql', { ...short('P'), operand: { at: [3], valued: /^-[SUPDHIJwi]$/ } }],
  ['etcdctl', { glued: /^--user=[^:]*:(?=.)/, ...login(/^--user$/, ':') }],
  ['nats-server nats-streaming-server', next('--auth -auth --pass -pass')],
  ['cqlsh', short('p')],
  ['influx', next('-password -token -t')],
  ['clickhouse-client', next('--password')],
  [
    'sqlplus exp imp expdp impdp sqlldr',
    {
      glued: /^(?:userid=)?[\w$#]{1,64}\/(?=[^\s/@][^\s]*)/i,
      gluedTail: /@(?:\/\/)?[\w.:/[\]-]+$/,
    },
  ],
  ['rabbitmqctl', reads('secret')],
  ['rabbitmqctl:add_user', operand(2)],
  ['rabbitmqctl:change_password', operand(2)],
  ['rabbitmqctl:authenticate_user', operand(2)],
  ['rabbitmqadmin', short('p')],
  [
    'mosquitto_pub mosquitto_sub mosquitto_rr mosquitto_ctrl',
    { ...short('P'), next: words('-P --pw') },
  ],
  ['mosquitto_passwd', { operand: { at: [3], andRest: true, valued: /^-[HI]$/ } }],
  ['mqtt mqttx', short('P')],
  ['hivemq-cli', next('-pw')],
  ['amqp-publish amqp-consume', next('--password')],
  // The net
  [
    'curl',
    {
      next: words('-b --cookie --oauth2-bearer --pass --proxy-pass'),
      glued: /^--(?:cookie|pass)=/,
      ...loginOrToken(curlOptions, ':', curlGlued),
      file: /^(?:-E|--(?:proxy-)?cert)$/,
    },
  ],
  ['http https xh', { glued: /^(?:-a|--auth=)(?=.)/, next: words('-a --auth') }],
  ['wget', next('--password --http-password --ftp-password --proxy-password')],
  ['aria2c', next('--http-passwd --ftp-passwd')],
  ['ab siege', loginOrToken(/^-[AP]$/, ':', /^-[AP](?=[^:]*:)/)],
  ['lftp', { ...loginOrToken(/^-u$/, ',', /^-u(?=[^,]*,)/), script: /^-[ec]$/ }],
  ['open', loginOrToken(/^-u$/, ',', /^-u(?=[^,]*,)/)],
  ['youtube-dl yt-dlp gallery-dl streamlink you-get', short('p')],
  ['twine', short('p')],
  ['mount mount.cifs mount.smb3', { glued: /^(?:\S{0,256},)?user(?:name)?=[^,%]*%(?=.)/ }],
  ['ncftp ncftpget ncftpput ftpget ftpput', short('p')],
  ['sendmail', { glued: /^-ap(?=.)/ }],
  ['ncat', { next: words('--proxy-auth'), glued: /^--proxy-auth=(?=.)/ }],
  ['plink pscp psftp', next('-pw')],
  ['sshpass', { ...short('p'), carries: { valued: words('-f -d -P') } }],
  ['ssh-keygen', short('NP')],
  ['rdesktop', short('p')],
  ['xfreerdp xfreerdp3 wlfreerdp', { glued: /^[/-]p:/ }],
  ['openconnect', reads('secret', /^--passwd-on-stdin$/)],
  ['vpnc openvpn', { plain: words('--auth-user-pass --http-proxy-user-pass'), ...reads('secret') }],
  ['wg', { plain: words('private-key preshared-key'), ...reads('secret') }],
  [
    'snmpget snmpgetnext snmpset snmpwalk snmpbulkget snmpbulkwalk snmptrap snmpinform snmptable snmpstatus snmpdf',
    short('AXc'),
  ],
  ['snmpusm', short('AX')],
  ['ipmitool ipmiutil', { ...short('P'), plain: words('password') }],
  ['ipmitool:password', operand(2)],
  ['racadm idracadm idracadm7', short('p')],
  [
    'hdparm',
    next(
      '--security-set-pass --security-unlock --security-disable --security-erase --security-erase-enhanced',
    ),
  ],
  ['sipp', next('-ap')],
  ['sipsak', short('a')],
  ['eapol_test', short('s')],
  ['reaver bully', short('p')],
  ['ipmi-chassis ipmipower bmc-config', short('p')],
  ['onesixtyone', short('c')],
  ['check_snmp', short('C')],
  ['check_http check_curl', login(/^-[ab]$/, ':')],
  ['nsupdate knsupdate dig kdig delv', login(/^-y$/, ':')],
  ['ip:macsec', { nextButOne: /^key$/ }],
  ['ip:xfrm', { nextAfter: /^(?:[a-z\d]{1,16}\(){1,3}[\w,-]{1,32}\){1,3}$/ }],
  ['hydra medusa ncrack patator', short('p')],
  ['swaks', next('-ap --auth-password')],
  ['sendemail sendEmail', next('-xp')],
  ['msmtp', reads('secret', /^--passwordeval$/)],
  // Radio, modem, trusted hardware
  ['iw', next('key keys')],
  ['iwconfig', next('key enc')],
  ['iwpriv', next('WPAPSK')],
  ['nmcli', { nextAfter: nmcliSecret }],
  ['ubus', { fields: /^(?:key\d?|ubus_rpc_session)$/ }],
  ['nvram:set', { glued: /^\w{0,64}?key\d=(?=[^])/ }],
  ['tcapi sendcmd setcfg rgdb xmldbc', { pairs: true }],
  ['dmcli', { nextButOne: /(?:passphrase|presharedkey|password|wepkey|secret|token|pin)$/i }],
  ['uci:set', uci],
  ['uci:add_list', uci],
  ['wpa_cli', next('psk password sae_password wep_key0 private_key_passwd')],
  ['raspi-config:do_wifi_ssid_passphrase', operand(2)],
  ['hostapd_cli:wps_pin', operand(2)],
  ['wpa_cli:wps_pin', operand(2)],
  ['wpa_cli:wps_reg', operand(2)],
  ['wpa_passphrase', { operand: { at: [2], andRest: true }, ...reads('secret') }],
  ['connmanctl', next('passphrase')],
  ['bluetoothctl btmgmt', next('passkey pincode')],
  ['gammu', next('PIN PIN2 PUK')],
  ['mmcli', { glued: /^--(?:pin|puk|change-pin)=/ }],
  ['pkcs11-tool', short('p')],
  ['pkcs15-init pkcs15-tool softhsm2-util', next('--pin --so-pin --puk --auth-id-pin')],
  [
    'yubico-piv-tool ykman',
    { ...short('P'), next: words('-P -N -n --pin --new-pin --management-key -m') },
  ],
  [
    'tpm2_create tpm2_createprimary tpm2_load tpm2_unseal tpm2_nvdefine tpm2_nvread tpm2_nvwrite tpm2_sign tpm2_rsadecrypt tpm2_evictcontrol tpm2_policysecret tpm2_encryptdecrypt',
    { glued: /^-[pP](?!session:|pcr:|file:|.*\.ctx$)(?:str:|hex:)?(?=.)/, nextAfter: /^-[pP]$/ },
  ],
  ['tpm2_changeauth', { operand: { at: [1], valued: /^-[cop]$/ }, next: words('-p') }],
  // Clouds and containers
  ['docker:login', { ...short('p'), ...reads('secret', stdinFlag) }],
  ['podman:login', { ...short('p'), ...reads('secret', stdinFlag) }],
  ['buildah:login', { ...short('p'), ...reads('secret', stdinFlag) }],
  [
    'skopeo',
    {
      ...loginOrToken(/^--(?:src-|dest-)?creds$/, ':', /^--(?:src-|dest-)?creds=(?=[^:]*:)/),
    },
  ],
  ['docker:secret', reads('secret', /^-$/)],
  ['docker:service', { plain: words('--secret --secret-add --secret-rm') }],
  ['docker:build', { plain: words('--secret') }],
  ['docker:buildx', { plain: words('--secret') }],
  ['podman:secret', reads('secret', /^-$/)],
  ['podman:build', { plain: words('--secret') }],
  ['helm:registry', { ...short('p'), ...reads('secret', stdinFlag) }],
  ['oc:login', short('p')],
  ['gcloud', { plain: words('--secret --set-secrets --update-secrets --remove-secrets') }],
  ['az:login', short('p')],
  ['az:acr', short('p')],
  ['az:keyvault', next('--value')],
  ['aws:put-parameter', next('--value')],
  ['aws', { plain: words('--key --cli-input-json --secret-id') }],
  ['gh:auth', reads('secret', stdinFlag)],
  ['gh:secret', { next: words('-b --body'), ...reads('secret') }],
  ['glab:auth', { ...short('t'), ...reads('secret', stdinFlag) }],
  ['vault:login', { operand: { at: [1], andRest: true }, ...reads('secret', /^-$/) }],
  ['vault:unseal', operand(1)],
  ['vault:operator', { operand: { at: [2] } }],
  ['doctl:auth', short('t')],
  ['cloudflared', next('--token')],
  ['ngrok:authtoken', operand(1)],
  ['ngrok:config', next('add-authtoken')],
  ['zerotier-cli zerotier-one', { glued: /^-T(?=.)/ }],
  ['balena:login', short('t')],
  ['ansible-vault', reads('secret', /^encrypt_string$/)],
  ['systemd-creds', reads('secret', /^encrypt$/)],
  ['clevis', reads('secret', /^encrypt$/)],
  ['pass', reads('secret', /^(?:insert|add)$/)],
  [
    'composer:config',
    { nextAfter: /^(?:github-oauth|gitlab-token)\.[\w.-]+$/, operand: { at: [3] } },
  ],
  ['consul:set-agent-token', operand(2)],
  ['consul nomad', next('-encrypt')],
  ['mc:alias', operand(4, 5)],
  ['kubectl', { plain: words('set-credentials') }],
  // What only looks for words, names packages or tells something
  [
    'grep egrep fgrep zgrep rg ag ack pgrep man apropos whatis which whereis type apt apt-get apt-cache apt-key dnf yum zypper apk pacman opkg snap pip pip3 dpkg rpm systemctl service journalctl chkconfig update-rc.d cat ls less more head tail wc file stat touch mkdir rmdir rm cp mv ln chmod chown chgrp tar rsync scp id groups getent ps top kill killall pkill vi vim nano diff sort uniq cut test [ make gcc g++ cc ld modprobe insmod lsmod',
    { quiet: true, plain: words('--key --keys') },
  ],
  ['git', { plain: words('user.signingkey user.signingKey') }],
  ['git:commit', quiet],
  ['git:log', quiet],
  ['git:grep', quiet],
  ['git:tag', quiet],
  ['logger wall notify-send', quiet],
];

/** By name, or by name and subcommand with a blank between them. */
export const programTable: ReadonlyMap<string, Program> = new Map(
  [...carriers, ...programs].flatMap(([names, program]) =>
    names.split(' ').map((name) => [name.replace(':', ' '), program] as const),
  ),
);

/** Programs whose subcommands have rows. */
export const programsWithSubcommands: ReadonlySet<string> = new Set(
  [...programTable.keys()].filter((key) => key.includes(' ')).map((key) => key.replace(/ .*/, '')),
);
