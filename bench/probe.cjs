// Preloaded into the agent by the soak: appends what it holds and what it wrote to a file, every few seconds.
'use strict';
const { Buffer } = require('node:buffer');
const fs = require('node:fs');
const process = require('node:process');
const { setInterval } = require('node:timers');
const v8 = require('node:v8');
const vm = require('node:vm');

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');
const written = { writes: 0, bytes: 0, syncs: 0 };

/** The agent writes files by handles only; sockets are not seen here. */
async function watchFileHandles() {
  const handle = await fs.promises.open('/dev/null');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const wrap = (name, note) => {
    const original = prototype[name];
    prototype[name] = function (...args) {
      note(args);
      return original.apply(this, args);
    };
  };
  const count = ([data]) => {
    written.writes += 1;
    written.bytes += Buffer.byteLength(data);
  };
  wrap('write', count);
  wrap('writeFile', count);
  for (const name of ['sync', 'datasync']) wrap(name, () => (written.syncs += 1));
}

function listeners() {
  return [process, ...process._getActiveHandles()].reduce(
    (sum, emitter) =>
      sum +
      (typeof emitter.eventNames === 'function'
        ? emitter.eventNames().reduce((count, name) => count + emitter.listenerCount(name), 0)
        : 0),
    0,
  );
}

function sample() {
  const { rss } = process.memoryUsage();
  collectGarbage();
  const line = {
    atMs: Date.now(),
    pid: process.pid,
    rssBytes: rss,
    heapBytes: process.memoryUsage().heapUsed,
    descriptors: fs.readdirSync('/proc/self/fd').length,
    handles: process._getActiveHandles().length,
    listeners: listeners(),
    ...written,
  };
  fs.appendFileSync(process.env.SOAK_PROBE_FILE, `${JSON.stringify(line)}\n`);
}

void watchFileHandles();
setInterval(sample, 5_000).unref();
