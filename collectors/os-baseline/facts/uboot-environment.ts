import type { SubjectReader } from './fact-reader.js';
import type { FileState } from './host-files.js';
import { found } from './reading.js';

/** The devices or files that hold the environment of U-Boot, by their path. */
export type UbootEnvironment = ReadonlyMap<string, FileState>;

const mostPlaces = 8;

/** fw_env.config of the U-Boot tools: each line begins with the device that holds a copy. */
export function parseUbootConfig(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => /^\s*(\/[^\s#]+)\s/.exec(line)?.[1] ?? [])
    .slice(0, mostPlaces);
}

export const readUbootEnvironment: SubjectReader<UbootEnvironment> = async ({ files }) => {
  const config = await files.text('/etc/fw_env.config', 16_384);
  if (!('value' in config)) return config;
  const places = new Map<string, FileState>();
  for (const path of parseUbootConfig(config.value)) {
    const state = await files.state(path);
    if ('unreadable' in state) return state;
    if ('value' in state) places.set(path, state.value);
  }
  return found(places);
};
