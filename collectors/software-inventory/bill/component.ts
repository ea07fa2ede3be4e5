import type { JsonObject, JsonValue } from '../../../base/json.js';
import type { InstalledPackage } from '../databases/package.js';
import type { FurtherFacts } from '../licences/further.js';
import { spdxExpression, spdxId } from '../licences/spdx.js';
import { type Distribution, packageUrl } from './purl.js';

/** A package as a component of CycloneDX 1.6; what is not known of it is left out. */
export function componentOf(
  found: InstalledPackage,
  further: FurtherFacts,
  distribution: Distribution | undefined,
): JsonObject {
  const source = found.source ?? further.source;
  const purl = packageUrl(found, distribution, source === found.name ? undefined : source);
  const supplier = found.supplier ?? further.supplier;
  return {
    type: 'library',
    'bom-ref': purl,
    ...(supplier !== undefined && { supplier: organization(supplier) }),
    name: found.name,
    version: found.version,
    ...licensesOf(further.licenses),
    ...(further.cpe !== undefined && { cpe: further.cpe }),
    purl,
    ...websiteOf(found.homepage),
  };
}

/** `Name <address>`, `Name`, or several of them as they stand. */
function organization(supplier: string): JsonObject {
  const [, name, address = ''] = /^([^<>]*[^<>\s])\s*<([^<>]+)>$/.exec(supplier) ?? [];
  if (name === undefined) return { name: supplier };
  if (/^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(address))
    return { name, contact: [{ email: address }] };
  return isWebAddress(address) ? { name, url: [address] } : { name: supplier };
}

/** One expression alone is one; several licences are a list, which the format has for licences without an operator. */
function licensesOf(licenses: readonly string[]): JsonObject {
  const [only = ''] = licenses;
  const acknowledgement = 'declared';
  if (licenses.length === 0) return {};
  if (licenses.length === 1 && spdxId(only) === undefined && spdxExpression(only) === only)
    return { licenses: [{ expression: only, acknowledgement }] };
  const list: JsonValue[] = licenses.map((license) => ({
    license:
      spdxId(license) === license
        ? { id: license, acknowledgement }
        : { name: license, acknowledgement },
  }));
  return { licenses: list };
}

function websiteOf(homepage: string | undefined): JsonObject {
  if (homepage === undefined || !isWebAddress(homepage)) return {};
  return { externalReferences: [{ type: 'website', url: homepage }] };
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?$/.test(
    text,
  );
}
