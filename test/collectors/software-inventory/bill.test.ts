import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Ajv, type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../base/json.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { billOfMaterials } from '../../../collectors/software-inventory/bill/bill.js';
import { componentOf } from '../../../collectors/software-inventory/bill/component.js';
import type { InstalledPackage } from '../../../collectors/software-inventory/databases/package.js';
import { tidy } from '../../../collectors/software-inventory/databases/paragraphs.js';
import { spdxExpression } from '../../../collectors/software-inventory/licences/spdx.js';
import { spdxIds } from '../../../collectors/software-inventory/licences/spdx-ids.js';
import { takeBill } from '../../../collectors/software-inventory/take-bill.js';
import { pathsUnder } from '../../../collectors/kernel/paths.js';
import { rootOf } from '../../support/captured-roots.js';

const require = createRequire(import.meta.url);
const readSchema = (name: string): AnySchema & { readonly enum?: readonly string[] } => {
  const library = require.resolve('@cyclonedx/cyclonedx-library/package.json');
  const file = new URL(`res/schema/${name}.SNAPSHOT.schema.json`, `file://${library}`);
  return JSON.parse(readFileSync(file, 'utf8')) as AnySchema & { enum?: readonly string[] };
};

/** The schemas that the makers of CycloneDX publish. */
const ajv = new Ajv({ strict: false, validateFormats: true });
(addFormats as unknown as (to: Ajv) => void)(ajv);
// Of internationalized texts the formats are those of the others here: none is written.
for (const [format, plain] of [
  ['idn-email', 'email'],
  ['iri-reference', 'uri-reference'],
] as const)
  ajv.addFormat(format, ajv.formats[plain] ?? true);
const spdx = readSchema('spdx');
const beside = 'http://cyclonedx.org/schema/';
for (const [name, schema] of [
  ['spdx', spdx],
  ['jsf-0.82', readSchema('jsf-0.82')],
] as const) {
  // In the package they refer to one another by the names that they have there.
  ajv.addSchema({ ...(schema as object), $id: `${beside}${name}.SNAPSHOT.schema.json` });
}
const isBill = ajv.compile(readSchema('bom-1.6'));

function problemsOf(bill: JsonObject): string[] {
  void isBill(bill);
  return (isBill.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
}

const rpmText = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`cases/${name}.txt`, import.meta.url)), 'utf8');

async function billOf(root: string, rpm = ''): Promise<JsonObject> {
  const answer = { program: 'rpm', outcome: 'ended', exitStatus: 0, stdout: rpm, error: '' };
  const taken = await takeBill({
    paths: pathsUnder(root),
    inventory: { ask: (name) => Promise.resolve({ name, programs: [answer as never], facts: {} }) },
    signal: new AbortController().signal,
    version: '1.2.3',
    timeMs: Date.UTC(2026, 0, 1),
  });
  if (isUnavailable(taken)) throw new Error(taken.unavailable);
  return taken.bill;
}

const componentsOf = (bill: JsonObject): readonly JsonObject[] =>
  bill['components'] as readonly JsonObject[];
const caseRoot = (name: string): string => fileURLToPath(new URL(`cases/${name}`, import.meta.url));

describe('a bill of materials', () => {
  it('is one by the schema of CycloneDX, of each kind of device, and the same each time', async () => {
    const fedora = rootOf({
      'var/lib/rpm/rpmdb.sqlite': '',
      'etc/os-release': 'ID=fedora\nVERSION_ID=40\n',
    });
    const roots = ['debian-12', 'ubuntu-24.04', 'alpine-3.20', 'openwrt-23.05', 'yocto-5.0'];
    for (const root of [...roots.map(caseRoot), fedora.root]) {
      const bill = await billOf(root, rpmText('fedora-40'));
      expect(problemsOf(bill)).toEqual([]);
      expect(componentsOf(bill).length).toBeGreaterThan(0);
      expect(await billOf(root, rpmText('fedora-40'))).toEqual(bill);
    }
  });

  it('tells of a package what it says of itself', async () => {
    const bill = await billOf(caseRoot('debian-12'));
    const libssl = componentsOf(bill).find(({ name }) => name === 'libssl3');
    const purl =
      'pkg:deb/debian/libssl3@3.0.19-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl';
    expect(libssl).toEqual({
      type: 'library',
      'bom-ref': purl,
      supplier: {
        name: 'Debian OpenSSL Team',
        contact: [{ email: 'pkg-openssl-devel@alioth-lists.debian.net' }],
      },
      name: 'libssl3',
      version: '3.0.19-1~deb12u2',
      licenses: [
        { license: { id: 'Apache-2.0', acknowledgement: 'declared' } },
        { license: { name: 'Artistic or GPL-1+', acknowledgement: 'declared' } },
      ],
      purl,
      externalReferences: [{ type: 'website', url: 'https://www.openssl.org/' }],
    });
    expect(bill['metadata']).toMatchObject({
      component: { type: 'operating-system', name: 'debian', version: '12' },
      tools: { components: [{ name: 'iot-security-agent', version: '1.2.3' }] },
    });
  });

  it('has package URLs and CPE names as scanners look for them', async () => {
    const refs = async (root: string, rpm?: string) =>
      componentsOf(await billOf(root, rpm)).map(({ purl, cpe }) =>
        [purl, cpe].filter((text) => typeof text === 'string').join(' '),
      );
    const fedora = rootOf({
      'var/lib/rpm/Packages': '',
      'etc/os-release': 'ID=fedora\nVERSION_ID=40\n',
    });
    expect(await refs(fedora.root, rpmText('fedora-40'))).toEqual(
      expect.arrayContaining([
        'pkg:rpm/fedora/bash@5.2.26-3.fc40?arch=x86_64&distro=fedora-40',
        'pkg:rpm/fedora/openssl-libs@3.2.1-2.fc40?arch=x86_64&distro=fedora-40&epoch=1&upstream=openssl',
        'pkg:rpm/fedora/kernel-core@6.8.5-301.fc40?arch=x86_64&distro=fedora-40&upstream=kernel',
        'pkg:rpm/fedora/kernel-core@6.8.9-300.fc40?arch=x86_64&distro=fedora-40&upstream=kernel',
      ]),
    );
    expect(await refs(caseRoot('alpine-3.20'))).toContain(
      'pkg:apk/alpine/libcrypto3@3.3.1-r0?arch=x86_64&distro=alpine-3.20.1&upstream=openssl',
    );
    expect(await refs(caseRoot('openwrt-23.05'))).toContain(
      'pkg:opkg/openwrt/dropbear@2022.82-6?arch=aarch64_cortex-a53&distro=openwrt-23.05.3 cpe:/a:matt_johnston:dropbear_ssh_server',
    );
    // No file says which distribution it is.
    expect(await refs(caseRoot('ubuntu-24.04'))).toContain(
      'pkg:generic/nano@7.2-2build1?arch=amd64',
    );
  });

  it('is one whatever a database says', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'a <b@c>',
        'a <b@c.de>',
        'a <https://x>',
        'https://[::1]/',
        'MIT OR',
        '%zz',
        'A B <>',
      ),
    );
    const value = text.map((some) => tidy(some) ?? 'x');
    const record = fc.record(
      {
        manager: fc.constantFrom('dpkg', 'rpm', 'opkg', 'apk'),
        name: value,
        version: value,
        ...{
          architecture: value,
          supplier: value,
          homepage: value,
          source: value,
          sourceVersion: value,
        },
      },
      { requiredKeys: ['manager', 'name', 'version'] },
    );
    const license = fc.oneof(value, fc.constantFrom('MIT', 'MIT OR ISC', 'GPL-2+', 'LicenseRef-x'));
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 3 }),
        fc.array(license, { maxLength: 3 }),
        value,
        (packages, licenses, id) => {
          const components = packages.map((one) =>
            componentOf(one as InstalledPackage, { licenses, leftOut: 0 }, { id }),
          );
          const system = new Map([
            ['ID', id],
            ['PRETTY_NAME', id],
          ]);
          const bill = billOfMaterials({ components, system, version: '1', timeMs: 0 });
          expect(problemsOf(bill)).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('an identifier of a licence', () => {
  it('is one of the list that the schema of CycloneDX 1.6 has', () => {
    expect(spdxIds.trim().split(/\s+/)).toEqual(spdx.enum);
  });

  it.each([
    ['mit', 'MIT'],
    ['GPL-2.0-only with classpath-exception-2.0', 'GPL-2.0-only WITH Classpath-exception-2.0'],
    ['(MIT or Apache-2.0+) and ISC', '(MIT OR Apache-2.0+) AND ISC'],
    ['LicenseRef-Fedora-Public-Domain AND MIT', 'LicenseRef-Fedora-Public-Domain AND MIT'],
    ...['GPL2', 'MIT ISC', 'MIT OR', '(MIT', 'MIT)', '(MIT) WITH Classpath-exception-2.0', ''].map(
      (text): [string, undefined] => [text, undefined],
    ),
  ])('makes an expression of %j, or none', (text, expected) => {
    expect(spdxExpression(text)).toBe(expected);
  });
});
