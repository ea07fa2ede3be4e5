import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { SubjectReader } from './fact-reader.js';
import { absent, found, type Reading, unreadable } from './reading.js';

/** With what the kernel was built: `y`, `m` or a value, by the name without `CONFIG_`. What is not set is not there. */
export type KernelConfig = ReadonlyMap<string, string>;

const longestConfigBytes = 2 * 1024 * 1024;
const unzip = promisify(gunzip);

export function parseKernelConfig(text: string): KernelConfig {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^CONFIG_(\w+)=(.+)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** Of the running kernel, where the kernel itself or the distribution keeps it. */
export const readKernelConfig: SubjectReader<KernelConfig> = async ({ files }) => {
  const packed = await files.bytes('/proc/config.gz', longestConfigBytes);
  if ('value' in packed) return unpacked(packed.value);
  const release = await files.text('/proc/sys/kernel/osrelease', 256);
  if (!('value' in release)) return unreadable('the release of the kernel is not known');
  for (const path of [
    `/boot/config-${release.value.trim()}`,
    `/lib/modules/${release.value.trim()}/config`,
  ]) {
    const text = await files.text(path, longestConfigBytes);
    if ('value' in text) return found(parseKernelConfig(text.value));
    if ('unreadable' in text) return text;
  }
  return absent('with what the kernel was built is not kept on the device');
};

async function unpacked(bytes: Buffer): Promise<Reading<KernelConfig>> {
  try {
    const text = await unzip(bytes, { maxOutputLength: longestConfigBytes });
    return found(parseKernelConfig(text.toString('latin1')));
  } catch {
    return unreadable('/proc/config.gz cannot be unpacked');
  }
}
