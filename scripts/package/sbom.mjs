// The bill of materials (CycloneDX 1.5) of each package: npm's, narrowed to what the package really holds.
import { execFileSync } from 'node:child_process';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { root } from '../bootstrap.mjs';

function npmSbom() {
  const text = execFileSync(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--loglevel=error'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(text);
}

/** npm puts a random number and the time into its document; here both follow from what the package holds. */
function document({ name, version, epochSeconds, components, dependencies }) {
  const ref = `${name}@${version}`;
  const body = {
    metadata: {
      timestamp: new Date(epochSeconds * 1000).toISOString(),
      component: { 'bom-ref': ref, type: 'application', name, version },
    },
    components,
    dependencies,
  };
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  const head = {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuid}`,
    version: 1,
  };
  return `${JSON.stringify({ ...head, ...body }, null, 2)}\n`;
}

/** `packages` are those in the bundle and beside it. */
export function agentSbom({ name, version, epochSeconds, packages, runtime }) {
  const all = npmSbom();
  const refs = new Map(packages.map((entry) => [`${entry.name}@${entry.version}`, entry]));
  const components = all.components
    .filter((component) => refs.has(component['bom-ref']))
    .map((component) => ({
      ...component,
      licenses: component.licenses ?? [{ license: { id: refs.get(component['bom-ref']).license } }],
      // npm calls the binary of an architecture optional; in this package it is there.
      scope: 'required',
    }));
  const missing = packages.length - components.length;
  if (missing > 0) throw new Error(`npm's bill of materials lacks ${missing} bundled packages.`);
  const runtimeRefs = runtime.map((component) => component['bom-ref']);
  const dependencies = all.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => refs.has(on)) }));
  return document({
    name,
    version,
    epochSeconds,
    components: [...components, ...runtime],
    dependencies: [
      { ref: `${name}@${version}`, dependsOn: [...refs.keys(), ...runtimeRefs] },
      ...dependencies,
    ],
  });
}

/** The vendored Node, as scanners of vulnerabilities look for it. */
export function runtimeComponent({ name, version, integrity }) {
  const [, digest] = integrity.split('-');
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    scope: 'required',
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:npm/${name}@${version}`,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
    licenses: [{ license: { id: 'MIT' } }],
  };
}

/** The headers that say which versions of the libraries with most advisories are in Node. */
export const runtimeHeaders = [
  'include/node/openssl/archs/linux-x86_64/asm/include/openssl/opensslv.h',
  'include/node/zlib.h',
  'include/node/uv/version.h',
  'include/node/v8-version.h',
];

export function runtimeSbom({ name, version, epochSeconds, component, headers }) {
  const text = headers.map((file) => readFileSync(file, 'utf8')).join('\n');
  const number = (define) => new RegExp(`define +${define} +(\\d+)`).exec(text)?.[1];
  const numbers = (...defines) => defines.map(number).join('.');
  const libraries = {
    openssl: /define OPENSSL_FULL_VERSION_STR "([^"]+)"/.exec(text)?.[1],
    zlib: /define ZLIB_VERSION "([^"]+)"/.exec(text)?.[1],
    libuv: numbers('UV_VERSION_MAJOR', 'UV_VERSION_MINOR', 'UV_VERSION_PATCH'),
    v8: numbers('V8_MAJOR_VERSION', 'V8_MINOR_VERSION', 'V8_BUILD_NUMBER', 'V8_PATCH_LEVEL'),
  };
  const parts = Object.entries(libraries).map(([library, libraryVersion]) => {
    if (libraryVersion === undefined || libraryVersion.includes('undefined'))
      throw new Error(`The headers of Node ${version} do not say which ${library} is in it.`);
    return {
      'bom-ref': `${library}@${libraryVersion}`,
      type: 'library',
      name: library,
      version: libraryVersion,
      scope: 'required',
      purl: `pkg:generic/${library}@${libraryVersion}`,
    };
  });
  const ref = component['bom-ref'];
  return document({
    name,
    version,
    epochSeconds,
    components: [component, ...parts],
    dependencies: [
      { ref: `${name}@${version}`, dependsOn: [ref] },
      { ref, dependsOn: parts.map((part) => part['bom-ref']) },
    ],
  });
}
