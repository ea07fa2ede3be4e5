/** One line of mountinfo. */
export interface MountInfo {
  readonly mountPoint: string;
  /** The directory of the file system that is mounted there; `/` for all of it. */
  readonly root: string;
  readonly type: string;
  /** The device, the share or the word that the mount was made of. */
  readonly source: string;
  /** Of this mount, as `nodev`. */
  readonly options: ReadonlySet<string>;
  /** Of its file system, which all mounts of it share, as `ro`. */
  readonly superOptions: ReadonlySet<string>;
  /** Major and minor number. */
  readonly device: string;
}

/** /proc/PID/mountinfo (proc_pid_mountinfo(5)); a line that no kernel writes is passed over. */
export function parseMountTable(text: string): MountInfo[] {
  return text.split('\n').flatMap((line) => {
    const [head = '', tail = ''] = line.split(' - ');
    const [, , device = '', root = '', mountPoint, options = ''] = head.split(' ');
    const [type, source = '', superOptions = ''] = tail.split(' ');
    if (mountPoint === undefined || type === undefined || type === '') return [];
    return [
      {
        mountPoint: unescaped(mountPoint),
        root: unescaped(root),
        type,
        source: unescaped(source),
        options: new Set(options.split(',')),
        superOptions: new Set(superOptions.split(',')),
        device,
      },
    ];
  });
}

/** Blank, tab, newline and backslash are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
