// iot-security-agent: the bundles, the native part of koffi for one architecture, the built-in rules, the units and
// what explains them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../bootstrap.mjs';
import { builtinDirectory, builtinRules } from '../builtin-rules.mjs';
import { bundleAgent, bundleInventory } from '../bundle.mjs';
import { architectures, runtime } from './architectures.mjs';
import { bundledPackages, thirdPartyNotices } from './components.mjs';
import { DebianPackage, gzip } from './deb.mjs';
import { fetchPackage, lockedPackage } from './registry.mjs';
import { agentSbom, runtimeComponent } from './sbom.mjs';
import { changelog, licenseParagraph, template } from './templates.mjs';
import { unitDirectory, units } from './units.mjs';

const name = 'iot-security-agent';
const library = `/usr/lib/${name}`;
const doc = `/usr/share/doc/${name}`;
/** What an operator looks up on the device, by its name there. */
const documents = JSON.parse(readFileSync(new URL('documents.json', import.meta.url), 'utf8'));

/** Writes the package and its bill of materials; resolves with the names of the files. */
export async function buildAgentPackage({
  architecture,
  version,
  epochSeconds,
  fast,
  work,
  output,
}) {
  const { interpreter, dependency, koffi, triplet } = architectures[architecture];
  const deb = new DebianPackage({
    name,
    version,
    architecture,
    epochSeconds,
    control: template('control.agent', {
      RUNTIME: dependency,
      DESCRIPTION: template('description.generated').trimEnd(),
    }),
  });

  const directory = join(work, architecture);
  mkdirSync(directory);
  const outfile = join(directory, `${name}.cjs`);
  const files = await bundleAgent({ outfile, interpreter, version });
  deb.copy(`${library}/${name}.cjs`, outfile, 0o755);
  const inventory = join(directory, `${name}-inventory.cjs`);
  files.push(...(await bundleInventory({ outfile: inventory, interpreter })));
  deb.copy(`${library}/${name}-inventory.cjs`, inventory, 0o755);
  deb.link(`/usr/bin/${name}`, `../lib/${name}/${name}.cjs`);

  const native = `${triplet}/koffi.node`;
  const koffiPackage = lockedPackage(`@koromix/${koffi}`);
  deb.copy(
    `${library}/koffi/${native}`,
    join(fetchPackage(koffiPackage, [native], directory), native),
  );

  for (const { path, text } of builtinRules())
    deb.add(`${library}/${builtinDirectory}/${path}`, text);

  addUnits(deb);
  addOptional(deb, `/usr/share/man/man8/${name}.8.gz`, `${name}.8`, gzip);
  addOptional(deb, `/usr/share/bash-completion/completions/${name}`, `${name}.bash-completion`);

  const packages = bundledPackages(files, ['koffi', koffiPackage.name]);
  const { [architecture]: vendored } = runtime.packages;
  const sbom = agentSbom({
    name,
    version: deb.version,
    epochSeconds,
    packages,
    runtime: vendored ? [runtimeComponent({ ...vendored, version: runtime.version })] : [],
  });
  const license = readFileSync(join(root, 'LICENSE'), 'utf8');
  deb.add(
    `${doc}/copyright`,
    template('copyright.agent', {
      LICENSE: licenseParagraph(license.slice(license.indexOf('Permission'))),
    }),
  );
  deb.add(`${doc}/third-party-notices.gz`, gzip(thirdPartyNotices(packages)));
  for (const [document, source] of Object.entries(documents))
    deb.copy(`${doc}/${document}`, join(root, source));
  deb.add(`${doc}/sbom.cdx.json`, sbom);
  deb.add(`${doc}/changelog.gz`, gzip(changelog(deb, `Version ${deb.version}.`)));
  deb.add(`/usr/share/lintian/overrides/${name}`, template('lintian-overrides.agent'));

  const sbomFile = deb.fileName.replace(/deb$/, 'cdx.json');
  writeFileSync(join(output, sbomFile), sbom);
  deb.write(output, { scripts: maintainerScripts(), fast });
  return [deb.fileName, sbomFile];
}

function addUnits(deb) {
  for (const unit of units().all) {
    deb.copy(`/usr/lib/systemd/system/${unit}`, join(unitDirectory, unit));
  }
  deb.copy(`/usr/lib/sysusers.d/${name}.conf`, join(unitDirectory, `${name}.sysusers`));
}

/** What is generated from the commands is in the package when it is in the repository. */
function addOptional(deb, path, file, convert = (content) => content) {
  const source = join(unitDirectory, file);
  if (existsSync(source)) deb.add(path, convert(readFileSync(source)));
}

function maintainerScripts() {
  const { stopped, enabled, restarted, sockets } = units();
  const values = {
    STOPPED_UNITS: stopped.join(' '),
    ENABLED_UNITS: enabled.join(' '),
    RESTARTED_UNITS: restarted.join(' '),
    ENABLED_SOCKETS: sockets.join(' '),
  };
  return {
    ...Object.fromEntries(
      ['postinst', 'prerm', 'postrm'].map((script) => [script, template(script, values)]),
    ),
    triggers: template('triggers'),
  };
}
