// iot-security-agent-node: the vendored Node. Nothing in it depends on the agent's version, so it only changes when
// Node or its packaging does.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { architectures, runtime } from './architectures.mjs';
import { DebianPackage, gzip } from './deb.mjs';
import { fetchPackage } from './registry.mjs';
import { runtimeComponent, runtimeHeaders, runtimeSbom } from './sbom.mjs';
import { changelog, licenseParagraph, template } from './templates.mjs';

const name = 'iot-security-agent-node';
const doc = `/usr/share/doc/${name}`;

/** Writes the package and its bill of materials and returns the names of the files. */
export function buildRuntimePackage({ architecture, fast, work, output }) {
  const { version } = runtime;
  const source = { ...runtime.packages[architecture], version };
  const epochSeconds = Date.parse(runtime.packagedAt) / 1000;
  const deb = new DebianPackage({
    name,
    version,
    architecture,
    epochSeconds,
    control: template('control.node'),
  });

  const directory = join(work, `node-${architecture}`);
  mkdirSync(directory);
  const files = fetchPackage(source, ['bin/node', 'LICENSE', ...runtimeHeaders], directory);
  const binary = join(directory, 'node');
  execFileSync(architectures[architecture].strip, ['-s', '-o', binary, join(files, 'bin/node')]);
  deb.copy(`/usr/lib/${name}/node`, binary, 0o755);

  const license = readFileSync(join(files, 'LICENSE'), 'utf8');
  const expat = license.slice(license.indexOf('Permission'), license.indexOf('\n"""', 50));
  deb.add(`${doc}/copyright`, template('copyright.node', { LICENSE: licenseParagraph(expat) }));
  deb.add(`${doc}/node-license.gz`, gzip(license));
  const sbom = runtimeSbom({
    name,
    version,
    epochSeconds,
    component: runtimeComponent(source),
    headers: runtimeHeaders.map((header) => join(files, header)),
  });
  deb.add(`${doc}/sbom.cdx.json`, sbom);
  deb.add(`${doc}/changelog.gz`, gzip(changelog(deb, `Node.js ${version}.`)));
  deb.add(`/usr/share/lintian/overrides/${name}`, template('lintian-overrides.node'));

  const sbomFile = deb.fileName.replace(/deb$/, 'cdx.json');
  writeFileSync(join(output, sbomFile), sbom);
  deb.write(output, { fast });
  return [deb.fileName, sbomFile];
}
