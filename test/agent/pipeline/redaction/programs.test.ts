import { describe, expect, it } from 'vitest';
import { carriers } from '../../../../agent/pipeline/redaction/carriers.js';
import { programs } from '../../../../agent/pipeline/redaction/programs.js';
import { createRedactor } from '../../../../agent/pipeline/redaction/redactor.js';
import { argumentsOf, masked, unmarked } from '../../../support/marked.js';

const redactor = createRedactor([]);
const redacted = (...argv: string[]): string => redactor.redact(argv).join(' ');

/** One line for each row of the table, told by the row's first name; in `«»` what has to be masked. */
const examples = `
7z x -p«hunter2» a.7z
secretsdump.py -hashes «hunter2» op@h
nikto -h h -id op:«hunter2»
check_snmp -H h -C «hunter2»
check_http -H h -a op:«hunter2»
nsupdate -y name:«hunter2» f
ip xfrm state add enc 'cbc(aes)' «hunter2»
busybox ftpget -u op -p «hunter2» h a b
sendmail -auop -ap«hunter2»
sipsak -u op -a «hunter2» -s sip:h
raspi-config nonint do_wifi_ssid_passphrase net «hunter2»
hostapd_cli wps_pin any «hunter2»
az keyvault secret set --name n --value «hunter2»
aws ssm put-parameter --type SecureString --value «hunter2»
rclone config create r s3 access_key_id A secret_access_key «hunter2»
isql -v dsn op «hunter2»
etcdctl --user op:«hunter2» get x
nats-server --auth «hunter2»
lftp -e 'open -u op,«hunter2» h'
open -u op,«hunter2» h
yt-dlp -u op -p «hunter2» https://h/v
twine upload -p«hunter2» f.whl
twine upload -u op -p «hunter2» f.whl
mount -t cifs -o rw,user=op%«hunter2» //h/s /mnt
ipmitool -H h user set password 2 «hunter2»
racadm -r h -u root -p «hunter2» getsysinfo
hdparm --security-erase «hunter2» /dev/sda
sipp -au op -ap «hunter2» h
eapol_test -c f -s «hunter2»
reaver -i mon0 -p«hunter2»
reaver -i mon0 -p «hunter2»
openssl dgst -sha256 -hmac «hunter2» f
openssl mac -macopt hexkey:«hunter2» HMAC
curl -E f.p12:«hunter2» https://h
consul agent -encrypt «hunter2»
rar a -hp«hunter2» a.rar f
zip -P «hunter2» a.zip f
echo «hunter2» | gpg --batch --passphrase-fd 0 -d f.gpg
openssl enc -aes-256-cbc -k «hunter2» -in f
openssl rsa -passin pass:«hunter2» -in f.key
openssl passwd -6 «hunter2»
keytool -list -keystore f.jks -storepass «hunter2»
signtool sign /f f.pfx /p «hunter2» f.exe
echo «hunter2» | cryptsetup luksOpen /dev/sda2 data
veracrypt -p«hunter2» f.hc /mnt
veracrypt -t -p «hunter2» f.hc /mnt
printf «hunter2» | fscrypt unlock /home/op
rclone obscure «hunter2»
useradd -m -p «hunter2» op
useradd -p«hunter2» op
groupadd -p «hunter2» staff
groupmod -p«hunter2» staff
echo op:«hunter2» | chpasswd
echo «hunter2» | passwd --stdin op
echo «hunter2» | smbpasswd -s -a op
echo «hunter2» | pw usermod op -h 0
mkpasswd -m sha-512 «hunter2»
htpasswd -b f op «hunter2»
echo «hunter2» | htdigest f realm op
echo -n «hunter2» | argon2 somesalt
echo «hunter2» | kinit op@EXAMPLE
kadmin -w«hunter2» -q listprincs
kadmin -p op/admin -w «hunter2» -q listprincs
echo «hunter2» | realm join example.com
echo «hunter2» | keyctl padd user name @u
keyctl add user name «hunter2» @u
echo «hunter2» | secret-tool store --label=x a b
echo «hunter2» | gnome-keyring-daemon --unlock
radtest op «hunter2» 10.0.0.1 0 «testing123»
ldapsearch -x -D cn=op -w «hunter2» -b dc=x
ldappasswd -s «hunter2» uid=op
slappasswd -s «hunter2»
net rpc -U op%«hunter2» shutdown
evil-winrm -i 10.0.0.1 -u op -p«hunter2»
crackmapexec smb 10.0.0.1 -u op -p «hunter2»
pppd ttyUSB0 user op password «hunter2»
echo «hunter2» | vncpasswd -f
x11vnc -display :0 -passwd «hunter2» -forever
mysql -u root -p«hunter2» shop
mysqladmin -u root password «hunter2»
mongo -u op -p «hunter2» shop
redis-cli -a «hunter2» ping
sqlcmd -S h -U sa -P «hunter2» -Q x
bcp t out f -P «hunter2»
cqlsh -u op -p «hunter2» h
influx -username op -password «hunter2»
clickhouse-client --password «hunter2» -q x
sqlplus system/«hunter2»@orcl
sqlplus system/«hunter2»
exp userid=system/«hunter2»@//h:1521/x file=f
echo «hunter2» | rabbitmqctl change_password op
rabbitmqctl add_user op «hunter2»
rabbitmqctl change_password op «hunter2»
rabbitmqctl authenticate_user op «hunter2»
rabbitmqadmin -u op -p«hunter2» list queues
rabbitmqadmin -u op -p «hunter2» list queues
mosquitto_pub -h h -u op -P «hunter2» -t a -m b
mosquitto_passwd -b f op «hunter2»
mqtt pub -u op -P «hunter2»
hivemq-cli pub -u op -pw «hunter2»
amqp-publish --username op --password «hunter2»
curl --oauth2-bearer «hunter2» -o f h
http -a «op:hunter2» GET h
wget --http-user op --http-password «hunter2» h
aria2c --http-passwd «hunter2» h
ab -A op:«hunter2» h/
ab -Aop:«hunter2» h/
lftp -u op,«hunter2» h
lftp -uop,«hunter2» h
ncftp -u op -p «hunter2» h
ncat --proxy-auth «op:hunter2» h 80
plink -pw «hunter2» op@h
sshpass -p «hunter2» ssh op@h
ssh-keygen -t rsa -N «hunter2» -f f
rdesktop -u op -p «hunter2» h
xfreerdp /u:op /p:«hunter2» /v:h
echo «hunter2» | openconnect --passwd-on-stdin h
echo «hunter2» | vpnc x
echo «hunter2» | wg pubkey
snmpget -v2c -c «hunter2» 10.0.0.1 sysName.0
snmpusm -A «hunter2» h passwd
ipmitool -H h -U op -P «hunter2» power status
ipmi-chassis -u op -p «hunter2» --get-status
onesixtyone -c «hunter2» 10.0.0.1
hydra -l op -p «hunter2» ssh://10.0.0.1
swaks --to a -ap «hunter2»
sendemail -xu op -xp «hunter2»
iw dev wlan0 connect net key «0:abcde»
iwconfig wlan0 key «hunter2»
iwpriv ra0 set WPAPSK «hunter2»
nmcli dev wifi connect net password «hunter2»
ubus call uci set {config:wireless,values:{key:«hunter2»}}
nvram set wl_key1=«abcde»
tcapi set WLan_Entry0 WPAPSK «hunter2»
dmcli eRT setv Device.WiFi.AccessPoint.1.Security.KeyPassphrase string «hunter2»
ip macsec add macsec0 tx sa 0 pn 1 on key 01 «0123456789abcdef0123456789abcdef»
nmcli c modify m macsec.mka-cak «0123456789abcdef0123456789abcdef»
gcloud secrets versions access latest --secret db
uci set wireless.w.key=«hunter2»
uci add_list app.main.token=«hunter2»
wpa_cli -i wlan0 set_network 0 psk «hunter2»
wpa_cli wps_pin any «12345670»
wpa_cli wps_reg 00:11:22:33:44:55 «12345670»
wpa_passphrase net «hunter2»
connmanctl passphrase «hunter2»
bluetoothctl passkey «123456»
gammu entersecuritycode PIN «1234»
mmcli -i 0 --pin=«1234»
pkcs11-tool --login -p «1234» -O
softhsm2-util --init-token --so-pin «1234» --pin «5678»
yubico-piv-tool -a verify -P «123456»
tpm2_create -C p.ctx -p «hunter2» -u u
tpm2_changeauth -c owner «hunter2»
docker login -u op -p «hunter2» r.example
podman login -u op -p «hunter2» r.example
buildah login -u op -p «hunter2» r.example
skopeo copy --src-creds op:«hunter2» a b
skopeo copy --dest-creds=op:«hunter2» a b
echo «hunter2» | docker secret create db -
echo «hunter2» | podman secret create db -
helm registry login -u op -p «hunter2» h
oc login -u op -p «hunter2»
az login -u op -p «hunter2»
az acr login -n r -p «hunter2»
echo «hunter2» | gh auth login --with-token
gh secret set NAME --body «hunter2»
glab auth login -t«hunter2»
glab auth login -t «hunter2»
vault login «hunter2»
vault operator unseal «hunter2»
vault unseal «hunter2»
doctl auth init -t«hunter2»
doctl auth init -t «hunter2»
cloudflared tunnel run --token «hunter2»
ngrok authtoken «hunter2»
ngrok config add-authtoken «hunter2»
zerotier-cli -T«hunter2» info
balena login -t«hunter2»
balena login -t «hunter2»
echo «hunter2» | ansible-vault encrypt_string
echo «hunter2» | systemd-creds encrypt - f
echo «hunter2» | clevis encrypt tpm2 x
echo «hunter2» | pass insert -e mail
composer config github-oauth.github.com «hunter2»
consul acl set-agent-token agent «hunter2»
mc alias set m http://h «op» «hunter2»
kubectl config set-credentials op
vncviewer -passwd /root/.vnc/passwd h
msmtp --passwordeval x
docker service create --secret db nginx
docker build --secret id=npm,src=/f .
docker buildx build --secret id=npm,src=/f .
podman build --secret id=npm,src=/f .
aws s3api get-object --bucket b --key a/b f
grep --key sh password
git config user.signingkey ABCDEF
git commit -m 'add --password hunter2 option'
git log --grep 'docker login -p hunter2'
git grep 'docker login -p hunter2'
git tag -m 'docker login -p hunter2' v1
logger 'user ran docker login -p hunter2'
`
  .trim()
  .split('\n');

/** Each runs `mysql`; the same row has no secret of its own. */
const wrapped = 'mysql -p«hunter2» shop';
const script = `'cd /x && mysql -p«hunter2» shop; ls -p x'`;
const carried = `
sh -c ${script}
bash -lc ${script}
/bin/dash -ec ${script}
busybox sh -c ${script}
perl -e 'system("mysql -p«hunter2» shop")'
python3 -c 'import os; os.system("mysql -p«hunter2» shop")'
sudo -u mysql ${wrapped}
doas -u op ${wrapped}
su - mysql -c ${script}
su mysql -c ${script}
runuser -u mysql -- ${wrapped}
runuser mysql -c ${script}
sg staff -c ${script}
env -i A=b ${wrapped}
xargs -n 1 ${wrapped}
timeout -k 5 10 ${wrapped}
nohup ${wrapped}
nice -n 5 ${wrapped}
ionice -c 3 ${wrapped}
chrt -f 5 ${wrapped}
taskset 1 ${wrapped}
numactl -N 0 ${wrapped}
stdbuf -o L ${wrapped}
chroot /srv ${wrapped}
flock /run/lock ${wrapped}
flock /run/lock -c ${script}
script -q -c ${script} /dev/null
strace -f -o f ${wrapped}
gdb --args ${wrapped}
valgrind ${wrapped}
nsenter -t 1 -m ${wrapped}
unshare -r ${wrapped}
setpriv --reuid 5 ${wrapped}
capsh -- -c ${script}
systemd-run --unit x -p A=b ${wrapped}
systemd-inhibit --what idle ${wrapped}
start-stop-daemon --start --exec /x -- mysql -p«hunter2»
daemonize -c / ${wrapped}
find / -name mysql -exec ${wrapped} ;
ssh -i f op@host ${wrapped}
ssh op@host ${script}
autossh -M 0 op@host ${wrapped}
watch -n 5 ${wrapped}
eval ${script}
parallel -j 4 ${script}
trap ${script} EXIT
docker run --name mysql -e A=b mysql:8 ${wrapped}
docker create mysql:8 ${wrapped}
docker exec -it mysql ${wrapped}
docker exec -it mysql sh -c ${script}
docker-compose exec mysql ${wrapped}
docker-compose run --rm mysql ${wrapped}
docker compose exec mysql ${wrapped}
podman run --rm mysql ${wrapped}
podman create mysql ${wrapped}
podman exec mysql ${wrapped}
nerdctl run mysql ${wrapped}
nerdctl exec mysql ${wrapped}
crictl exec 123 ${wrapped}
balena exec mysql ${wrapped}
kubectl exec -n x mysql-0 -- ${wrapped}
kubectl run x --image=mysql -- ${wrapped}
k3s kubectl exec mysql-0 -- ${wrapped}
oc exec mysql-0 -- ${wrapped}
lxc exec c -- ${wrapped}
lxc-attach -n mysql -- ${wrapped}
machinectl shell c /usr/bin/mysql -p«hunter2»
pct exec 101 -- ${wrapped}
vagrant ssh -c ${script}
adb shell ${wrapped}
ip netns exec mysql ${wrapped}
unknown-wrapper --fast ${wrapped}
`
  .trim()
  .split('\n');

const hasPipe = (line: string): boolean => line.includes(' | ');

describe('the table of programs', () => {
  it.each(examples.filter((line) => !hasPipe(line)))('%s', (line) => {
    const argv = argumentsOf(unmarked(line));
    expect(redacted(...argv)).toBe(argumentsOf(masked(line)).join(' '));
  });

  it.each(carried)('runs another program: %s', (line) => {
    const argv = argumentsOf(unmarked(line));
    expect(redacted(...argv)).toBe(argumentsOf(masked(line)).join(' '));
  });

  it.each(examples)('in the command line of a shell, too: %s', (line) => {
    const quoted = line.replaceAll("'", '"');
    expect(redacted('sh', '-c', unmarked(quoted))).toBe(`sh -c ${masked(quoted)}`);
    expect(redacted('ssh', 'host', unmarked(quoted))).toBe(`ssh host ${masked(quoted)}`);
    const among = `cd /x && A=b ${quoted} && ls -p`;
    if (!hasPipe(line)) {
      expect(redacted('bash', '-lc', unmarked(among))).toBe(`bash -lc ${masked(among)}`);
      expect(redacted('sudo', '-u', 'op', ...argumentsOf(unmarked(line)))).toBe(
        `sudo -u op ${argumentsOf(masked(line)).join(' ')}`,
      );
    }
  });

  it('has an example of every row', () => {
    const lines = [...examples, ...carried].map((line) => ` ${line.replaceAll('/', ' ')} `);
    const missing = [...programs, ...carriers]
      .map(([names]) => names)
      .filter(
        (names) =>
          !names.split(' ').some((name) => {
            const [program = '', subcommand] = name.split(':');
            return lines.some((line) => {
              const at = line.indexOf(` ${program}${/^(?:python|perl)$/.test(program) ? '' : ' '}`);
              return at >= 0 && (subcommand === undefined || line.includes(` ${subcommand} `, at));
            });
          }),
      );
    expect(missing).toEqual([]);
  });
});
