/**
 * Runs inside a virtual machine: carries out what the test asks for over a serial line, and is the hub's host. One
 * line of JSON for each request and each answer.
 */
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { askStatus } from '../../../agent/status/client.js';
import { LocalHub } from '../../../local-hub/hub/local-hub.js';
import type { Answer, Finished, Request } from './guest-requests.js';

const line = '/dev/ttyS1';
const output = createWriteStream(line);
let hub: LocalHub | undefined;

function answer(reply: Answer): void {
  output.write(`${JSON.stringify(reply)}\n`);
}

function run({ command, input = '' }: Extract<Request, { command: unknown }>): Promise<Finished> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    // Not "close": a daemon that the command left behind may hold the pipes for ever.
    child.once('exit', (code, signal) =>
      setTimeout(() => resolve({ code, signal, stdout, stderr }), 50),
    );
    child.once('error', (error) =>
      resolve({ code: 127, signal: null, stdout, stderr: error.message }),
    );
  });
}

async function carryOut(request: Request): Promise<unknown> {
  if ('command' in request) return run(request);
  if ('status' in request) return askStatus(request.status);
  if (request.hub === 'start') {
    hub = await LocalHub.start({ stateDirectory: '/var/lib/local-hub' });
    return { caFile: hub.caFile, ...hub.registerModule(request.deviceId) };
  }
  if (hub === undefined) throw new Error('The hub is not started.');
  switch (request.hub) {
    case 'patch':
      hub.patchDesired(request.deviceId, request.desired);
      return null;
    case 'twin':
      return hub.readTwin(request.deviceId);
    case 'messages':
      return hub.messages
        .slice(request.from)
        .map(({ json, problems, properties }) => ({ json, problems, properties }));
  }
}

createInterface({ input: createReadStream(line) }).on('line', (text) => {
  const { id, request } = JSON.parse(text) as { id: number; request: Request };
  carryOut(request).then(
    (result) => answer({ id, result }),
    (error: unknown) =>
      answer({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
answer({ id: 0, result: 'here' });
