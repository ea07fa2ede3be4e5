import type { SubjectReader } from './fact-reader.js';
import { found } from './reading.js';

const mostFiles = 256;

/** The services that /etc/inetd.conf starts on demand (inetd(8)): their names or ports, in lower case. */
export function parseInetd(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [service = '', type = ''] = line.trim().split(/\s+/);
    if (service.startsWith('#') || !/^(stream|dgram|raw|rdm|seqpacket)$/.test(type)) return [];
    return [service.replace(/^.*:/, '').toLowerCase()];
  });
}

/** The services of a file of xinetd.conf(5) that are not switched off, in lower case. */
export function parseXinetd(text: string): string[] {
  const plain = text.replaceAll(/^\s*#.*$/gm, '');
  return [...plain.matchAll(/^\s*service\s+(\S+)\s*\{([^}]*)\}/gm)].flatMap(
    ([, service = '', body = '']) =>
      /^\s*disable\s*=\s*yes\b/m.test(body) ? [] : [service.toLowerCase()],
  );
}

/** What inetd and xinetd are told to start on demand; empty where there is neither. */
export const readInetd: SubjectReader<ReadonlySet<string>> = async ({ files }) => {
  const services = new Set<string>();
  const inetd = await files.text('/etc/inetd.conf');
  if ('unreadable' in inetd) return inetd;
  if ('value' in inetd) for (const service of parseInetd(inetd.value)) services.add(service);
  const names = await files.names('/etc/xinetd.d');
  if ('unreadable' in names) return names;
  const further = 'value' in names ? names.value.map((name) => `/etc/xinetd.d/${name}`) : [];
  for (const path of ['/etc/xinetd.conf', ...further.slice(0, mostFiles)]) {
    const text = await files.text(path);
    if ('unreadable' in text) return text;
    if ('value' in text) for (const service of parseXinetd(text.value)) services.add(service);
  }
  return found(services);
};
