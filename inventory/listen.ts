import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Turns } from '../base/turns.js';
import { type InventoryName, inventoryNames } from '../collectors/inventory/names.js';

/** How many may wait for their answer, of each inventory. */
const mostClients = 4;

/**
 * Does what systemd does on a device, without its sandbox: listens on a socket for each inventory, and answers each
 * connection with one run. One run at a time. Nothing is read from a client.
 * @param directory made where it is not there, open to its owner and group alone
 */
export async function listen(
  directory: string,
  answer: (name: InventoryName) => Promise<string>,
): Promise<{ close(): void }> {
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  const turns = new Turns();
  const servers: Server[] = [];
  const close = (): void => servers.forEach((server) => server.close());
  const serve = (name: InventoryName, client: Socket): void => {
    client.on('error', () => client.destroy());
    void turns.run(async () => {
      if (client.destroyed) return;
      const text = await answer(name).catch(() => '');
      client.end(text, () => client.destroy());
    });
  };
  for (const name of inventoryNames) {
    const server = createServer({ pauseOnConnect: true }, (client) => serve(name, client));
    server.maxConnections = mostClients;
    servers.push(server);
    const path = `${directory}/${name}`;
    // Of a listener that was killed: bind(2) refuses a name that is there.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  }
  return { close };
}
