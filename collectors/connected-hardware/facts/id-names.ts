import type { Paths } from '../../kernel/paths.js';
import { readTextLines } from '../../kernel/files/text-lines.js';

/** Of a device on PCI or USB: four hexadecimal digits each, in small letters. */
export interface DeviceId {
  readonly vendor: string;
  readonly product: string;
}

const longestLine = 1024;
const longestName = 200;
const longestFileBytes = 16 * 1024 * 1024;

/**
 * The names of ids in the text of `pci.ids` or `usb.ids` (hwdata), fed line by line: vendors at the beginning of a line,
 * their products behind one tab, subsystems behind two; lists of other things begin with a letter and a blank. Only
 * the names that are wanted are held.
 */
export class IdNames {
  private readonly vendors = new Map<string, string | undefined>();
  private readonly products = new Map<string, string | undefined>();
  private vendor: string | undefined;

  constructor(wanted: Iterable<DeviceId>) {
    for (const { vendor, product } of wanted) {
      this.vendors.set(vendor, undefined);
      this.products.set(`${vendor}:${product}`, undefined);
    }
  }

  readonly take = (line: string): undefined => {
    const vendor = /^([0-9a-f]{4})\s+(\S.*)$/iu.exec(line);
    if (vendor !== null) {
      const [, id = '', name = ''] = vendor;
      this.vendor = id.toLowerCase();
      note(this.vendors, this.vendor, name);
      return;
    }
    const product = this.vendor === undefined ? null : /^\t([0-9a-f]{4})\s+(\S.*)$/iu.exec(line);
    if (product !== null) {
      const [, id = '', name = ''] = product;
      note(this.products, `${this.vendor ?? ''}:${id.toLowerCase()}`, name);
    } else if (/^[A-Z]/u.test(line)) {
      this.vendor = undefined;
    }
  };

  vendorOf({ vendor }: DeviceId): string | undefined {
    return this.vendors.get(vendor);
  }

  productOf({ vendor, product }: DeviceId): string | undefined {
    return this.products.get(`${vendor}:${product}`);
  }
}

function note(names: Map<string, string | undefined>, id: string, name: string): void {
  if (names.has(id) && names.get(id) === undefined)
    names.set(id, name.trim().slice(0, longestName));
}

/** Reads the names where the system has them; without the file there are none. */
export async function readIdNames(
  paths: Paths,
  file: 'pci.ids' | 'usb.ids',
  wanted: readonly DeviceId[],
  signal: AbortSignal,
): Promise<IdNames> {
  const names = new IdNames(wanted);
  if (wanted.length === 0) return names;
  // The second and third are those of Debian, where the second leads to the third.
  const places = [
    `${paths.usrRoot}/share/hwdata`,
    `${paths.usrRoot}/share/misc`,
    `${paths.root}/var/lib/usbutils`,
  ];
  for (const place of places) {
    try {
      const options = { signal, longestLine, longestFileBytes, onLine: names.take };
      await readTextLines(`${place}/${file}`, options);
      return names;
    } catch {
      signal.throwIfAborted();
    }
  }
  return names;
}
