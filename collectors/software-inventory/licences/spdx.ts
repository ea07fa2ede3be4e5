import { spdxIds } from './spdx-ids.js';

let byLowerCase: ReadonlyMap<string, string> | undefined;

/** The identifier of the SPDX licence list that is written so, in whatever case (SPDX 2.3, annex D); undefined for none. */
export function spdxId(text: string): string | undefined {
  byLowerCase ??= new Map(
    spdxIds
      .trim()
      .split(/\s+/)
      .map((id) => [id.toLowerCase(), id]),
  );
  return byLowerCase.get(text.toLowerCase());
}

/** Forgets the list, which takes memory that only a look at licences needs. */
export function forgetSpdxIds(): void {
  byLowerCase = undefined;
}

const longestExpression = 1_000;

/**
 * The SPDX expression that a text is, its identifiers in the case of the list and `OR` and `AND` in capitals; undefined for
 * any other text. Grammar: SPDX 2.3, annex D, without licences of other documents (`DocumentRef-`).
 */
export function spdxExpression(text: string): string | undefined {
  if (text.length > longestExpression) return undefined;
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  const out: string[] = [];
  let depth = 0;
  let expects: 'licence' | 'exception' | 'operator' = 'licence';
  for (const token of tokens) {
    const word = token.toUpperCase();
    if (expects === 'operator') {
      if (token === ')') depth--;
      else if (word === 'AND' || word === 'OR') expects = 'licence';
      else if (word === 'WITH') expects = 'exception';
      else return undefined;
      if (depth < 0) return undefined;
      // Only a licence has an exception.
      if (word === 'WITH' && out.at(-1) === ')') return undefined;
      out.push(token === ')' ? token : word);
    } else if (token === '(' && expects === 'licence') {
      depth++;
      out.push(token);
    } else {
      const id = spdxId(token) ?? laterVersions(token) ?? ownReference(token);
      if (id === undefined) return undefined;
      out.push(id);
      expects = 'operator';
    }
  }
  if (depth !== 0 || expects !== 'operator') return undefined;
  return out.join(' ').replaceAll('( ', '(').replaceAll(' )', ')');
}

/** `Apache-2.0+`: this version or a later one. */
function laterVersions(token: string): string | undefined {
  if (!token.endsWith('+')) return undefined;
  const id = spdxId(token.slice(0, -1));
  return id === undefined ? undefined : `${id}+`;
}

/** A licence that is in no list, by a name that whoever states it gave. */
function ownReference(token: string): string | undefined {
  return /^LicenseRef-[A-Za-z0-9.-]+$/.test(token) ? token : undefined;
}
