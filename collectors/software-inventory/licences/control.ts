import { tidy } from '../databases/paragraphs.js';

/** What the control file of an installed package of opkg says beside its database. */
export interface ControlFacts {
  readonly supplier?: string;
  readonly license?: string;
  readonly source?: string;
  readonly cpe?: string;
}

/** Takes the lines of a control file: one paragraph. */
export class ControlReader {
  private readonly values = new Map<string, string>();

  line(line: string): boolean {
    const [, name, value] = /^(Maintainer|License|SourceName|OE|CPE-ID):(.*)$/.exec(line) ?? [];
    const text = tidy(value);
    if (name !== undefined && text !== undefined) this.values.set(name, text);
    return true;
  }

  facts(): ControlFacts {
    const supplier = this.values.get('Maintainer');
    const license = this.values.get('License');
    const source = this.values.get('SourceName') ?? this.values.get('OE');
    const cpe = cpeOf(this.values.get('CPE-ID'));
    return {
      ...(supplier !== undefined && { supplier }),
      ...(license !== undefined && { license }),
      ...(source !== undefined && { source }),
      ...(cpe !== undefined && { cpe }),
    };
  }
}

/** A name of CPE 2.2, as OpenWrt writes it: `cpe:/a:vendor:product:version`; undefined for anything else. */
function cpeOf(text: string | undefined): string | undefined {
  return /^cpe:\/[aho](?::[A-Za-z0-9._~%-]*){1,6}$/.test(text ?? '') ? text : undefined;
}
