import type { FactContext } from '../../../collectors/os-baseline/facts/fact-reader.js';
import { HostFiles, type StatFile } from '../../../collectors/os-baseline/facts/host-files.js';
import type { Paths } from '../../../collectors/kernel/paths.js';
import { fakeHost } from '../../support/case-host.js';

/** What a reader of facts is given on a root; `limitations` collects what it says. */
export async function factContext(
  paths: Paths,
  lstat?: StatFile,
): Promise<FactContext & { limitations: string[] }> {
  const { signal } = new AbortController();
  const limitations: string[] = [];
  const files = await HostFiles.open({ paths, signal, ...(lstat !== undefined && { lstat }) });
  const limit = (sentence: string): void => void limitations.push(sentence);
  return { host: fakeHost({ paths }), files, signal, limit, limitations };
}
