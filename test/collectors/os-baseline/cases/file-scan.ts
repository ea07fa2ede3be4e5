import { type FileKind, type FileScan, type FoundFile, recordOfKinds } from '../../../../collectors/interface/file-scan.js';
import type { CheckCases, Given } from '../judged.js';

const startedMs = Date.UTC(2026, 10, 28, 2);

function scan(
  found: Partial<Record<FileKind, readonly FoundFile[]>> = {},
  rest: Partial<FileScan> & { unlisted?: number } = {},
): Given {
  const { unlisted = 0, ...more } = rest;
  const of = (kind: FileKind) => {
    const first = found[kind] ?? [];
    return { total: first.length + (found[kind] === undefined ? 0 : unlisted), first };
  };
  return [{ startedMs, durationMs: 1, files: 1000, found: recordOfKinds(of), ...more }];
}

const file = (path: string, mode: number, uid = 0, gid = 0): FoundFile => ({ path, mode, uid, gid });

/** What a scan that found nothing proves depends on whether it saw everything. */
const unseen = scan({}, { incomplete: '3 directories could not be read' });
const ended = scan({}, { incomplete: 'the scan ran out of time' });
const well: Pick<CheckCases, 'pass' | 'error' | 'asOfMs'> = {
  pass: [scan()],
  error: [unseen, ended],
  asOfMs: startedMs,
};

const directoryService = 'accounts also come from a directory service, which is not enumerated';

export const fileScanCases: Readonly<Record<string, CheckCases>> = {
  'files-writable-programs': {
    ...well,
    fail: [
      [scan({ writablePrograms: [file('/opt/run.sh', 0o777)] }), '/opt/run.sh (mode 0777)'],
      [
        scan({ writablePrograms: [file('/a', 0o777), file('/b', 0o757)] }, { unlisted: 7 }),
        '/a (mode 0777), /b (mode 0757); 7 further ones are not listed',
      ],
    ],
  },
  'files-writable': {
    ...well,
    fail: [[scan({ writable: [file('/etc/app.conf', 0o666)] }), '/etc/app.conf (mode 0666)']],
  },
  'files-open-directories': {
    ...well,
    fail: [[scan({ openDirectories: [file('/srv/in', 0o777)] }), '/srv/in (mode 0777)']],
  },
  'files-without-owner': {
    ...well,
    fail: [[scan({ ownerless: [file('/opt/x', 0o644, 1007)] }), '/opt/x (user 1007)']],
    notApplicable: [scan({}, { ownersUnknown: directoryService })],
  },
  'files-without-group': {
    ...well,
    fail: [[scan({ grouplessFiles: [file('/opt/x', 0o644, 0, 99)] }), '/opt/x (group 99)']],
    notApplicable: [scan({}, { ownersUnknown: directoryService })],
  },
  'files-raised-unknown': {
    ...well,
    pass: [scan(), scan({ raised: [file('/usr/bin/passwd', 0o4755), file('/bin/su', 0o4755)] })],
    fail: [
      [scan({ raised: [file('/usr/bin/sudo', 0o4755), file('/opt/x', 0o6755)] }), '/opt/x (mode 6755)'],
    ],
    error: [unseen, scan({ raised: [file('/usr/bin/sudo', 0o4755)] }, { unlisted: 3 })],
  },
  'files-raised-writable': {
    ...well,
    pass: [scan(), scan({ raised: [file('/opt/x', 0o4755)] })],
    fail: [
      [scan({ raised: [file('/usr/bin/su', 0o4775)] }), '/usr/bin/su (mode 4775)'],
      [scan({ raised: [file('/opt/x', 0o2757)] }), '/opt/x (mode 2757)'],
    ],
  },
};
