// Which packages of the registry are in the agent's bundle, told by what esbuild read, not by what is installed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../bootstrap.mjs';

const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
const packageDirectory = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

/** The packages that these files belong to, sorted; `native` are added, whose binaries lie beside the bundle. */
export function bundledPackages(files, native) {
  const paths = new Set(files.map((file) => packageDirectory.exec(file)?.[0]).filter(Boolean));
  for (const name of native) paths.add(`node_modules/${name}`);
  return [...paths].sort().map((path) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const { version, license } = locked[path];
    return { name, version, path, license: license ?? licenseOf(path) };
  });
}

/** package-lock.json does not know the old way of naming it. */
function licenseOf(path) {
  const { license, licenses } = manifestOf(path);
  return license ?? licenses?.[0]?.type;
}

function manifestOf(path) {
  return JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
}

const rule = '='.repeat(78);

/** Name, authors and licence of each package: most licences ask that these travel with the code. */
export function thirdPartyNotices(packages) {
  return packages
    .filter(({ path }) => existsSync(join(root, path)))
    .map(({ name, version, license, path }) => {
      const texts = readdirSync(join(root, path))
        .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
        .sort()
        .map((file) => readFileSync(join(root, path, file), 'utf8').trimEnd());
      const text = texts.length > 0 ? texts.join('\n\n') : shortNotice(path, license);
      return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${text}\n`;
    })
    .join('\n');
}

/** The packages of the Azure SDK name their licence, but do not carry its text. */
function shortNotice(path, license) {
  const { author } = manifestOf(path);
  const holder = typeof author === 'object' ? author.name : author;
  return `Copyright (c) ${holder ?? 'the authors'}. Licensed under the ${license} license, whose text is at "License: Expat" in the file copyright.`;
}
