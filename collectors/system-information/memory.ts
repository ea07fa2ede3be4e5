import { known, type SystemFiles, type Told } from './system-files.js';

/** The rows of /proc/meminfo by their name, in KB; a row that is no number of KB is passed over. */
export function parseMemoryInfo(text: string): ReadonlyMap<string, number> {
  const rows = [...text.matchAll(/^([A-Za-z0-9_()]+):\s+(\d{1,15}) kB$/gm)];
  return new Map(rows.map(([, name = '', kilobytes]) => [name, Number(kilobytes)]));
}

const sum = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : one + other;

export async function memory(files: SystemFiles): Promise<Told> {
  const rows = parseMemoryInfo((await files.text(`${files.paths.procRoot}/meminfo`)) ?? '');
  const [total, free] = [rows.get('MemTotal'), rows.get('MemFree')];
  const [swap, freeSwap] = [rows.get('SwapTotal'), rows.get('SwapFree')];
  return {
    fields: known({
      TotalPhysicalMemoryInKB: total,
      FreePhysicalMemoryInKB: free,
      TotalVirtualMemoryInKB: sum(total, swap),
      FreeVirtualMemoryInKB: sum(free, freeSwap),
    }),
    details: known({
      AvailableMemoryInKB: rows.get('MemAvailable')?.toString(),
      SwapTotalInKB: swap?.toString(),
      SwapFreeInKB: freeSwap?.toString(),
    }),
  };
}
