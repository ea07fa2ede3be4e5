/** The first descriptor that systemd hands over, `SD_LISTEN_FDS_START` of sd_listen_fds(3). */
const firstDescriptor = 3;
const maxDescriptors = 64;

/**
 * The descriptors handed over by systemd, by the name of their socket unit (`FileDescriptorName=`). Their order
 * varies between starts, so a descriptor without a name is left alone. Empty when they are meant for another process.
 */
export function handedOverSockets(
  environment: Readonly<Record<string, string | undefined>>,
  ownPid: number,
): ReadonlyMap<string, number> {
  const sockets = new Map<string, number>();
  if (Number(environment.LISTEN_PID) !== ownPid) return sockets;
  const count = Number(environment.LISTEN_FDS);
  if (!Number.isInteger(count) || count < 1 || count > maxDescriptors) return sockets;
  const names = (environment.LISTEN_FDNAMES ?? '').split(':');
  for (const [index, name] of names.slice(0, count).entries()) {
    if (name !== '' && !sockets.has(name)) sockets.set(name, firstDescriptor + index);
  }
  return sockets;
}
