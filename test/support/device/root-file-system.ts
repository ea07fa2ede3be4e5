import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = '/var/cache/iot-security-agent-test';

export interface RootFileSystem {
  /** Of Debian. */
  readonly suite: string;
  readonly packages: readonly string[];
  /** Without it that of the host. */
  readonly architecture?: string;
  readonly variant?: 'minbase' | 'extract';
  /** As it was released, without what was mended since: needs one index, where mirrors of rare architectures lag. */
  readonly asReleased?: true;
  /** Shell commands after the installation; `$1` is the root. */
  readonly customize?: readonly string[];
}

/** A minimal Debian as a tar archive, made once a week and kept in the cache directory of the machine. */
export async function rootFileSystem(wanted: RootFileSystem): Promise<string> {
  const { suite, packages, architecture, variant = 'minbase', customize = [] } = wanted;
  const sources = '"$1/etc/apt/sources.list"';
  const week = Math.floor(Date.now() / (7 * 86_400_000));
  return cached(['rootfs', week, JSON.stringify(wanted)], '.tar', async (file) => {
    await run(
      'mmdebstrap',
      [
        `--variant=${variant}`,
        `--include=${packages.join(',')}`,
        ...(architecture === undefined ? [] : [`--architectures=${architecture}`]),
        ...(wanted.asReleased ? [`--setup-hook=sed -i '/-updates\\|-security/d' ${sources}`] : []),
        '--aptopt=Acquire::Languages "none"',
        '--dpkgopt=path-exclude=/usr/share/doc/*',
        '--dpkgopt=path-exclude=/usr/share/man/*',
        '--dpkgopt=path-exclude=/usr/share/locale/*',
        ...customize.map((command) => `--customize-hook=${command}`),
        ...[suite, file, '--format=tar'],
      ],
      { maxBuffer: 16 * 1024 * 1024 },
    );
  });
}

/** A file of the cache, made under another name first, so that what is there is whole. */
export async function cached(
  key: readonly (string | number)[],
  extension: string,
  build: (file: string) => Promise<void>,
): Promise<string> {
  mkdirSync(cache, { recursive: true });
  const digest = createHash('sha256').update(key.join('\n')).digest('hex').slice(0, 16);
  const file = join(cache, `${key[0] ?? ''}-${digest}${extension}`);
  if (existsSync(file)) return file;
  const unfinished = join(cache, `new-${process.pid}-${digest}${extension}`);
  await build(unfinished);
  renameSync(unfinished, file);
  return file;
}
