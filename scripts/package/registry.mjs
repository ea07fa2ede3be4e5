// Fetches archives from the npm registry through npm, and believes none that does not hash to what the repository says.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../bootstrap.mjs';

const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;

/** Version and integrity of a package as package-lock.json holds them. */
export function lockedPackage(name) {
  const entry = locked[`node_modules/${name}`];
  if (entry === undefined)
    throw new Error(`${name} is not in package-lock.json: run "npm install" and commit the file.`);
  return { name, version: entry.version, integrity: entry.integrity };
}

/** Unpacks some files of a package of the registry and resolves with the directory they are in. */
export function fetchPackage({ name, version, integrity }, files, directory) {
  const target = join(directory, name.replace('/', '-'));
  mkdirSync(target, { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync(
      'npm',
      [
        ...['pack', `${name}@${version}`, '--json', '--pack-destination', target],
        ...['--loglevel=error', '--prefer-offline'],
      ],
      { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  );
  const archive = join(target, filename.replace('@', '').replace('/', '-'));
  const [algorithm] = integrity.split('-', 1);
  const found = `${algorithm}-${createHash(algorithm).update(readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) {
    throw new Error(
      `${name}@${version} from the registry is not what the repository expects: ${found} instead of ${integrity}.`,
    );
  }
  execFileSync('tar', ['-xzf', archive, '-C', target, ...files.map((file) => `package/${file}`)]);
  return join(target, 'package');
}
