// One Debian package from a list of files: everything that could differ between two builds is set here.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Release packages are small; those of a test are built in seconds, by a method that lintian knows, too. */
const compression = { release: ['-Zxz', '-z6'], fast: ['-Zgzip', '-z1'] };

/** Debian sorts `1.0.0~rc.1` before `1.0.0`, as npm does with `1.0.0-rc.1`. */
export const debianVersion = (version) => version.replace('-', '~');

/** zlib's output depends on the processor and on the version of Node, that of gzip(1) does not. */
export function gzip(content) {
  return execFileSync('gzip', ['-9n'], { input: content, maxBuffer: 64 * 1024 * 1024 });
}

/** The files of a package while it is put together. */
export class DebianPackage {
  #files = [];
  #control;

  /** `control` holds the fields of the control file without Version, Architecture and Installed-Size. */
  constructor({ name, version, architecture, control, epochSeconds }) {
    Object.assign(this, { name, version: debianVersion(version), architecture, epochSeconds });
    this.#control = control;
  }

  get fileName() {
    return `${this.name}_${this.version}_${this.architecture}.deb`;
  }

  /** Adds a file with this content. */
  add(path, content, mode = 0o644) {
    this.#files.push({ path, content, mode });
  }

  /** Adds a file as it is on disk. */
  copy(path, source, mode = 0o644) {
    this.#files.push({ path, source, mode });
  }

  link(path, target) {
    this.#files.push({ path, target });
  }

  /** Writes the package into a directory. `scripts` are the maintainer scripts and other control files by name. */
  write(directory, { scripts = {}, fast = false }) {
    const stage = mkdtempSync(join(tmpdir(), 'iot-security-agent-deb-'));
    try {
      for (const file of this.#files) place(stage, file);
      place(stage, { path: '/DEBIAN/md5sums', content: this.#checksums(stage), mode: 0o644 });
      for (const [name, content] of Object.entries(scripts)) {
        const mode = content.startsWith('#!') ? 0o755 : 0o644;
        place(stage, { path: `/DEBIAN/${name}`, content, mode });
      }
      place(stage, { path: '/DEBIAN/control', content: this.#controlFile(stage), mode: 0o644 });
      settle(stage, this.epochSeconds);
      execFileSync(
        'dpkg-deb',
        [
          ...['--root-owner-group', ...compression[fast ? 'fast' : 'release']],
          ...['--build', stage, join(directory, this.fileName)],
        ],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: { ...process.env, SOURCE_DATE_EPOCH: String(this.epochSeconds) },
        },
      );
    } finally {
      rmSync(stage, { recursive: true, force: true });
    }
  }

  #checksums(stage) {
    return this.#files
      .filter(({ target }) => target === undefined)
      .map(({ path }) => path.slice(1))
      .sort()
      .map((path) => {
        const sum = createHash('md5')
          .update(readFileSync(join(stage, path)))
          .digest('hex');
        return `${sum}  ${path}\n`;
      })
      .join('');
  }

  #controlFile(stage) {
    const head = [
      `Package: ${this.name}`,
      `Version: ${this.version}`,
      `Architecture: ${this.architecture}`,
      `Installed-Size: ${sizeKib(stage)}`,
    ];
    return `${head.join('\n')}\n${this.#control.trimEnd()}\n`;
  }
}

function place(stage, { path, content, source, target, mode }) {
  const file = join(stage, path);
  mkdirSync(dirname(file), { recursive: true });
  if (target !== undefined) return symlinkSync(target, file);
  if (source === undefined) writeFileSync(file, content);
  else copyFileSync(source, file);
  chmodSync(file, mode);
}

function entriesOf(stage) {
  return readdirSync(stage, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath ?? entry.path, entry.name),
    isDirectory: entry.isDirectory(),
  }));
}

/** As dpkg-gencontrol counts: files in whole KiB, anything else as one. */
function sizeKib(stage) {
  return entriesOf(stage)
    .filter(({ path }) => !path.startsWith(join(stage, 'DEBIAN')))
    .map(({ path, isDirectory }) =>
      isDirectory ? 1 : Math.max(1, Math.ceil(lstatSync(path).size / 1024)),
    )
    .reduce((sum, kib) => sum + kib, 0);
}

/** Neither the umask nor the time of the build may show. */
function settle(stage, epochSeconds) {
  for (const { path, isDirectory } of entriesOf(stage)) {
    if (isDirectory) chmodSync(path, 0o755);
    lutimesSync(path, epochSeconds, epochSeconds);
  }
  chmodSync(stage, 0o755);
  lutimesSync(stage, epochSeconds, epochSeconds);
}
