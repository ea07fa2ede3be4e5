import { known, type SystemFiles, type Told } from './system-files.js';

/** What makers leave in the tables of the firmware when they fill in nothing. */
const fillers =
  /^(to be filled.*|default string|not (specified|applicable|available|provided)|none|n\/?a|unknown|o\.?e\.?m\.?|system (manufacturer|product name|version)|type\d* - board.*|base board.*|0+|x+|-+|\.+|invalid|undefined|computer)$/i;

/** A value of the firmware's tables; undefined for a filler. */
export function ofMaker(value: string | undefined): string | undefined {
  return value === undefined || fillers.test(value) ? undefined : value;
}

/** By the number in the tables (SMBIOS 3.7, 7.4.1); a device is seldom something else. */
const chassisTypes: Readonly<Record<string, string>> = {
  3: 'Desktop',
  4: 'Low Profile Desktop',
  5: 'Pizza Box',
  6: 'Mini Tower',
  7: 'Tower',
  8: 'Portable',
  9: 'Laptop',
  10: 'Notebook',
  11: 'Hand Held',
  13: 'All in One',
  14: 'Sub Notebook',
  15: 'Space-saving',
  16: 'Lunch Box',
  17: 'Main Server Chassis',
  23: 'Rack Mount Chassis',
  28: 'Blade',
  30: 'Tablet',
  31: 'Convertible',
  32: 'Detachable',
  33: 'IoT Gateway',
  34: 'Embedded PC',
  35: 'Mini PC',
  36: 'Stick PC',
};

/** Who made the device and its firmware: the tables of a PC's firmware, and the device tree of a board. */
export async function firmware(files: SystemFiles): Promise<Told> {
  const { sysRoot } = files.paths;
  const tables = `${sysRoot}/class/dmi/id`;
  const tree = `${sysRoot}/firmware/devicetree/base`;
  const of = async (name: string): Promise<string | undefined> =>
    ofMaker(await files.value(`${tables}/${name}`));
  const inTree = (name: string): Promise<string | undefined> => files.value(`${tree}/${name}`);
  const uBoot = await inTree('chosen/u-boot,version');
  const chassis = await files.value(`${tables}/chassis_type`);
  return {
    fields: known({
      BIOSVersion:
        (await of('bios_version')) ?? (uBoot === undefined ? undefined : `U-Boot ${uBoot}`),
    }),
    details: known({
      Firmware: await kindOfFirmware(files, tables, tree),
      BiosVendor: await of('bios_vendor'),
      BiosDate: await of('bios_date'),
      Manufacturer: await of('sys_vendor'),
      Model: (await of('product_name')) ?? (await inTree('model')),
      ModelVersion: await of('product_version'),
      BoardVendor: await of('board_vendor'),
      BoardName: await of('board_name'),
      Compatible:
        (await files.text(`${tree}/compatible`))?.split('\0')[0]?.slice(0, 128) || undefined,
      ChassisType: chassis === undefined ? undefined : chassisTypes[chassis],
      SerialNumber: await inTree('serial-number'),
    }),
  };
}

async function kindOfFirmware(
  files: SystemFiles,
  tables: string,
  tree: string,
): Promise<string | undefined> {
  if (await files.exists(`${files.paths.sysRoot}/firmware/efi`)) return 'UEFI';
  if (await files.exists(tree)) return 'device tree';
  return (await files.exists(tables)) ? 'BIOS' : undefined;
}
