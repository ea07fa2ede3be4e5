// Makes the output directory a flat apt repository, and lists what its files must hash to.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzip } from './deb.mjs';
import { rfc2822 } from './templates.mjs';

export function writeRepository({ output, files, epochSeconds }) {
  const scanned = execFileSync('dpkg-scanpackages', ['--multiversion', '.'], {
    cwd: output,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const index = { Packages: scanned, 'Packages.gz': gzip(scanned) };
  for (const [name, content] of Object.entries(index)) writeFileSync(join(output, name), content);
  const sums = Object.keys(index).map(
    (name) => ` ${sha256(join(output, name))} ${statSync(join(output, name)).size} ${name}\n`,
  );
  const release = `Origin: iot-security-agent\nSuite: stable\nArchitectures: amd64 arm64 armhf\nDate: ${rfc2822(epochSeconds)}\nSHA256:\n${sums.join('')}`;
  writeFileSync(join(output, 'Release'), release);
  const listed = [...files, ...Object.keys(index), 'Release'].sort();
  const lines = listed.map((name) => `${sha256(join(output, name))}  ${name}\n`);
  writeFileSync(join(output, 'SHA256SUMS'), lines.join(''));
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
