import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../../agent/pipeline/redaction/redactor.js';

const redactor = createRedactor([]);
const redacted = (...argv: string[]): string => redactor.redact(argv).join(' ');

describe('secrets in command lines are masked', () => {
  it.each([
    [['mysql', '-psecret', '-u', 'root'], 'mysql -p*** -u root'],
    [['/usr/bin/sshpass', '-p', 'hunter2', 'ssh', 'host'], '/usr/bin/sshpass -p *** ssh host'],
    [['tool', '--password', 'two words', 'rest'], 'tool --password *** rest'],
    [['tool', '--password=abc', 'rest'], 'tool --password=*** rest'],
    [['tool', '--db-password', 'abc'], 'tool --db-password ***'],
    [['tool', '--api-key', 'abc'], 'tool --api-key ***'],
    [['env', 'PGPASSWORD=abc', 'psql'], 'env PGPASSWORD=*** psql'],
    [['curl', '-u', 'user:pass', 'http://h'], 'curl -u user:*** http://h'],
    [['curl', '-H', 'Authorization: Bearer abcdef123456=='], 'curl -H Authorization: Bearer ***'],
    [['git', 'clone', 'https://me:tok@host/x'], 'git clone https://me:***@host/x'],
    [
      ['curl', '-d', '{"password": "abc", "user": "me"}'],
      'curl -d {"password": "***", "user": "me"}',
    ],
    [
      ['az', 'HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=c2VjcmV0a2V5PT0='],
      'az HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=***',
    ],
    [
      ['az', 'DefaultEndpointsProtocol=https;AccountName=n;AccountKey=QUJD+/==;EndpointSuffix=x'],
      'az DefaultEndpointsProtocol=https;AccountName=n;AccountKey=***;EndpointSuffix=x',
    ],
    [
      ['x', 'SharedAccessSignature sr=h&sig=abc%3D&se=1'],
      'x SharedAccessSignature sr=h&sig=***&se=1',
    ],
    [['sh', '-c', 'mysqladmin --password geheim ping'], 'sh -c mysqladmin --password *** ping'],
    [['sh', '-c', 'sshpass -p hunter2 ssh h'], 'sh -c sshpass -p *** ssh h'],
    [['x', 'ghp_0123456789abcdefABCDEF'], 'x ***'],
    [['sudo', '-u', 'db', 'mysql', '-psecret'], 'sudo -u db mysql -p***'],
    [['sh', '-c', 'cd /x && mysql -psecret db; ls -p'], 'sh -c cd /x && mysql -p*** db; ls -p'],
    [['sh', '-c', "sshpass -p 'two words' ssh h"], 'sh -c sshpass -p *** ssh h'],
    [['sh', '-c', "TOKEN='two words' run"], "sh -c TOKEN='***' run"],
    [['curl', '-sSu', 'me:secret', 'h'], 'curl -sSu me:*** h'],
    [['curl', '-sSume:secret', 'h'], 'curl -sSume:*** h'],
    [['curl', '--user=me:secret', 'h'], 'curl --user=me:*** h'],
    [['curl', '-H', 'Authorization: secret'], 'curl -H Authorization: ***'],
    [['curl', '-H', 'Cookie: session=secret; a=b'], 'curl -H Cookie: ***'],
    [['curl', '-d', '{"password": "two words"}'], 'curl -d {"password": "***"}'],
    [['curl', '-d', '{\\"password\\":\\"secret\\"}'], 'curl -d {\\"password\\":\\"***"}'],
    [['git', 'clone', 'https://me:p@ss@host/x'], 'git clone https://me:***@host/x'],
    [['docker', 'login', '-u', 'me', '-p', 'secret'], 'docker login -u me -p ***'],
    [['az', 'login', '-u', 'me', '-p', 'secret'], 'az login -u me -p ***'],
    [['vault', 'login', 'secret'], 'vault login ***'],
    [
      ['aws', 'configure', 'set', 'aws_secret_access_key', 'x'],
      'aws configure set aws_secret_access_key ***',
    ],
    [['npm', 'config', 'set', '//r/:_authToken', 'x'], 'npm config set //r/:_authToken ***'],
    [['openssl', 'enc', '-k', 'secret'], 'openssl enc -k ***'],
    [['smbclient', '//h/s', '-Ume%secret'], 'smbclient //h/s -U***'],
    [['mount', '-o', 'user=x,pass=secret', '//h/s'], 'mount -o user=x,pass=*** //h/s'],
    [['ldapsearch', '-wsecret'], 'ldapsearch -w***'],
    [['mosquitto_pub', '--pw', 'secret'], 'mosquitto_pub --pw ***'],
    [
      ['nmcli', 'dev', 'wifi', 'connect', 'n', 'password', 'x'],
      'nmcli dev wifi connect n password ***',
    ],
    [['unzip', '-P', 'secret', 'a.zip'], 'unzip -P *** a.zip'],
    [['env', 'DB_PASS=secret', 'run'], 'env DB_PASS=*** run'],
  ])('%j', (argv, expected) => {
    expect(redacted(...argv)).toBe(expected);
  });

  it.each([
    [['x', '--password=ab,cd;ef&gh"ij'], 'x --password=***'],
    [['x', "--db-password='ab'cd"], "x --db-password='***"],
    [['x', '--password=two words here', '-v'], 'x --password=*** -v'],
    [['x', '--token=line one\nline two'], 'x --token=***'],
    [['x', '--pin=12,34'], 'x --pin=***'],
    [['env', 'PASSWORD=s3cr,et99', 'run'], 'env PASSWORD=*** run'],
    [['env', 'PASSWORD=two words', 'run'], 'env PASSWORD=*** run'],
    [['java', '-Ddb.password=a;b', 'M'], 'java -Ddb.password=*** M'],
    [['git', '-c', 'my.token=a;b'], 'git -c my.token=***'],
    [['curl', '-H', 'X-Api-Key: ab,cd;ef'], 'curl -H X-Api-Key: ***'],
    [
      ['curl', '-H', 'Authorization: Digest username="me", response="abc"'],
      'curl -H Authorization: Digest ***',
    ],
    [['az', '--connection-string=HostName=h;SharedAccessKey=k'], 'az --connection-string=***'],
    [
      ['curl', '-d', '{"password": "a\\"b,c", "user": "me"}'],
      'curl -d {"password": "***", "user": "me"}',
    ],
    [['sh', '-c', 'PASSWORD=s3cr,et99 run -v; ls'], 'sh -c PASSWORD=*** run -v; ls'],
    [['sh', '-c', 'TOKEN=x;run'], 'sh -c TOKEN=***;run'],
    [['bash', '-lc', 'x "--password=a b;c" --verbose'], 'bash -lc x "--password=***" --verbose'],
    [['sh', '-c', `bash -c 'TOKEN=a run'`], `sh -c bash -c 'TOKEN=*** run'`],
  ])('to the end of the argument that is a secret option or variable: %j', (argv, expected) => {
    expect(redacted(...argv)).toBe(expected);
  });

  it.each([
    [
      ['curl', 'https://h/a?user=me&token=a,b;c&page=2'],
      'curl https://h/a?user=me&token=***&page=2',
    ],
    [
      ['x', 'Server=h,1433;User Id=sa;Password=two, "words" & more;Encrypt=True'],
      'x Server=h,1433;User Id=sa;Password=***;Encrypt=True',
    ],
    [['x', 'Server=h; Password=a,b; Encrypt=True'], 'x Server=h; Password=***; Encrypt=True'],
    [['psql', 'host=h password=a,b;c dbname=d'], 'psql host=h password=*** dbname=d'],
    [['mount', '-o', 'user=x,pass=a;b&c,uid=3'], 'mount -o user=x,pass=***,uid=3'],
  ])('to the end of the field where it is one of several: %j', (argv, expected) => {
    expect(redacted(...argv)).toBe(expected);
  });

  it.each([
    [['wpa_passphrase', 'my net', 'secret'], 'wpa_passphrase my net ***'],
    [
      ['sh', '-c', 'wpa_passphrase net "a b" >> /etc/wpa.conf'],
      'sh -c wpa_passphrase net *** >> /etc/wpa.conf',
    ],
    [['sh', '-c', 'wpa_passphrase net ab>/etc/wpa.conf'], 'sh -c wpa_passphrase net ***'],
    [['wpa_passphrase', 'net', '>secret'], 'wpa_passphrase net ***'],
    [['mosquitto_passwd', '-b', '/etc/pw', 'me', 'secret'], 'mosquitto_passwd -b /etc/pw me ***'],
    [
      ['mosquitto_passwd', '-H', 'sha512', '-c', '-b', 'pw', 'me', 'secret'],
      'mosquitto_passwd -H sha512 -c -b pw me ***',
    ],
    [['mosquitto_ctrl', '-u', 'me', '-P', 'secret'], 'mosquitto_ctrl -u me -P ***'],
    [['htpasswd', '-b', '.htpasswd', 'me', 'secret'], 'htpasswd -b .htpasswd me ***'],
    [['htpasswd', '-nb', 'me', 'secret'], 'htpasswd -nb me ***'],
    [['htpasswd', '-bnBC', '10', 'me', 'secret'], 'htpasswd -bnBC 10 me ***'],
    [['htpasswd', '-C', '10', '-cbB', 'f', 'me', 'secret'], 'htpasswd -C 10 -cbB f me ***'],
    [['mkpasswd', '-m', 'sha-512', 'secret'], 'mkpasswd -m sha-512 ***'],
    [['mkpasswd', 'secret', 'salt'], 'mkpasswd *** ***'],
    [['openssl', 'passwd', '-6', 'secret'], 'openssl passwd -6 ***'],
    [['openssl', 'passwd', '-salt', 'ab', '-1', 'secret'], 'openssl passwd -salt ab -1 ***'],
    [['nmcli', 'c', 'modify', 'n', '802-1x.password', 'x'], 'nmcli c modify n 802-1x.password ***'],
    [['nmcli', 'c', 'add', 'wifi-security.psk', 'x'], 'nmcli c add wifi-security.psk ***'],
    [['nmcli', 'c', 'add', 'gsm.pin', '1234'], 'nmcli c add gsm.pin ***'],
    [['nmcli', 'c', 'add', 'wifi-sec.wep-key0', 'x'], 'nmcli c add wifi-sec.wep-key0 ***'],
    [['nmcli', 'c', 'modify', 'v', '+vpn.secrets', 'a=b'], 'nmcli c modify v +vpn.secrets ***'],
    [['ncat', '--proxy-auth', 'me:secret', 'h'], 'ncat --proxy-auth *** h'],
    [['ncat', '--proxy-auth=me:secret', 'h'], 'ncat --proxy-auth=*** h'],
    [
      ['uci', '-q', 'set', 'wireless.@wifi-iface[0].key=ab,c d'],
      'uci -q set wireless.@wifi-iface[0].key=***',
    ],
    [
      ['sh', '-c', "uci set wireless.w.key='a b'; uci commit"],
      'sh -c uci set wireless.w.key=***; uci commit',
    ],
    [['uci', 'set', 'network.wg0.private_key=x'], 'uci set network.wg0.private_key=***'],
    [['git', 'clone', 'https://user:p/w@host/x@y'], 'git clone https://user:***@host/x@y'],
    [['git', 'clone', 'https://user:p/w@d@host/x'], 'git clone https://user:***@host/x'],
  ])('where a program takes it without saying so: %j', (argv, expected) => {
    expect(redacted(...argv)).toBe(expected);
  });

  it('leaves ordinary command lines as they are', () => {
    for (const argv of [
      ['ls', '-la', '/etc/passwd'],
      ['cat', '/etc/ssl/private/token.txt'],
      ['ssh', '-p', '22', 'host'],
      ['tool', '--password-file', '/run/secrets/db'],
      ['grep', '-r', 'password', '/etc'],
      ['docker', 'run', '-p', '80:80', 'nginx'],
      ['sh', '-c', 'mkdir -p /x && mysql -u root < a.sql; tar -p -xf y'],
      ['sh', '-c', `it's "fine`],
      ['gcc', '-DBYPASS=1', '-o', 'compass'],
      ['curl', '-sSL', '-o', 'out', 'https://host:8443/a?b=c'],
      ['git', 'clone', 'ssh://git@host/x'],
      ['mysql', '-p', 'database'],
      ['gcloud', 'run', 'deploy', 'x', '--set-secrets=API_KEY=db:latest'],
      ['gcloud', 'secrets', 'versions', 'access', 'latest', '--secret=db'],
      ['docker', 'service', 'create', '--secret=db', 'nginx'],
      ['aws', 'secretsmanager', 'get-secret-value', '--secret-id=db'],
      ['htpasswd', '-c', '/etc/htpasswd', 'me'],
      ['htpasswd', '-n', 'me'],
      ['mosquitto_passwd', '-c', '/etc/pw', 'me'],
      ['wpa_passphrase', 'net'],
      ['mkpasswd', '-m', 'sha-512'],
      ['openssl', 'x509', '-in', 'a.pem', '-text'],
      ['nmcli', 'connection', 'modify', 'n', 'ipv4.dns', '1.1.1.1'],
      ['uci', 'set', 'system.@system[0].hostname=gate,way'],
      ['curl', 'https://host:8443/a/b@c'],
      ['curl', 'http://[::1]:80/a@b'],
      ['mongosh', 'mongodb://a:27017,b:27017/db?x=c@d'],
      ['HostName=h.azure-devices.net;DeviceId=d'],
    ]) {
      expect(redactor.redact(argv)).toBe(argv);
    }
  });

  it.each([
    [['sh', '-c', 'TOKEN=1;rm -rf /x'], 'sh -c TOKEN=***;rm -rf /x'],
    [['ssh', 'host', 'TOKEN=1; rm -rf /x'], 'ssh host TOKEN=***; rm -rf /x'],
    [['su', 'me', '-c', 'TOKEN=1 rm -rf /x'], 'su me -c TOKEN=*** rm -rf /x'],
    [['python3', '-c', 'token=1; import os'], 'python3 -c token=***; import os'],
    [['perl', '-e', 'token=1; unlink "x"'], 'perl -e token=***; unlink "x"'],
  ])('a text that is run is not hidden behind a secret at its start: %j', (argv, expected) => {
    expect(redacted(...argv)).toBe(expected);
  });

  it('applies the patterns of the setting, masking the group named secret or else everything', () => {
    const own = createRedactor([/pin-(?<secret>\d{4})/gu, /customer \w+/gu]);
    expect(own.redact(['x', 'pin-1234', 'customer Miller']).join(' ')).toBe('x pin-*** ***');
  });

  it('never shows the value of a named secret, whatever surrounds it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('password', 'token', 'api_key', 'SharedAccessKey', 'secret'),
        fc.stringMatching(/^[A-Za-z0-9+/]{12,40}$/),
        fc.stringMatching(/^[a-z ]{0,20}$/),
        (name, secret, noise) => {
          const plain = !`${name}${noise}`.includes(secret);
          const line = redacted('tool', noise, `${name}=${secret}`, `--${name}`, secret);
          return !plain || !line.includes(secret);
        },
      ),
    );
  });

  it('never shows a part of what an option or a variable gives to a secret, whatever characters that has', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('--password=', '-Ddb.token=', 'DB_PASSWORD=', 'api_key=', '--pin='),
        fc.string({
          unit: fc.constantFrom(...'Q,;&\'"|<>()$ \t\n\\/@:=-'.split('')),
          minLength: 2,
          maxLength: 20,
        }),
        (start, secret) => {
          expect(redacted('tool', `${start}${secret}`)).not.toContain('Q');
          const inQuotes = `'${secret.replaceAll("'", '')}'`;
          expect(redacted('sh', '-c', `tool ${start}${inQuotes} rest`)).not.toContain('Q');
        },
      ),
      { numRuns: 2000 },
    );
  });
});
