import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../agent/pipeline/redaction.js';

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
    [['curl', '-u', 'user:pass', 'http://h'], 'curl -u *** http://h'],
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
    [['curl', '-sSu', 'me:secret', 'h'], 'curl -sSu *** h'],
    [['curl', '-sSume:secret', 'h'], 'curl -sSu*** h'],
    [['curl', '--user=me:secret', 'h'], 'curl --user=*** h'],
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
    ]) {
      expect(redactor.redact(argv)).toBe(argv);
    }
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

  it('takes time linear in the argument, so that nobody can stall the agent with a long one', () => {
    // A quadratic expression would need minutes for these, and the test would be ended by its deadline.
    const size = 1 << 20;
    for (const text of [
      'a'.repeat(size),
      'password '.repeat(size / 8),
      ' '.repeat(size),
      '://a:'.repeat(size / 8),
      '-eyJ'.repeat(size / 8),
      '-eyJaaaaaaaa.-eyJaaaaaaaa'.repeat(size / 32),
      `"'`.repeat(size / 8),
      "'".repeat(size / 8 + 1),
      `"'"`.repeat(size / 8),
    ]) {
      expect(redactor.redact(['x', text])).toHaveLength(2);
      expect(redactor.redact(['x', `${text} `])).toHaveLength(2);
    }
  });
});
