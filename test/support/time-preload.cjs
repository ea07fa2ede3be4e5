/*
 * Loaded into the agent with `node --require` by tests: shifts its wall clock, and its time since boot as sleep does.
 * Both offsets stand in the file that TIME_SHIFT_FILE names; it is read at the start and at each SIGUSR2.
 */
const os = require('node:os');
const process = require('node:process');
const { readFileSync } = require('node:fs');

const RealDate = Date;
const realUptime = os.uptime;
let shift = { wallMs: 0, sleptMs: 0 };
const read = () => {
  shift = JSON.parse(readFileSync(process.env.TIME_SHIFT_FILE, 'utf8'));
};
read();
process.on('SIGUSR2', read);

const now = () => RealDate.now() + shift.wallMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(
      target,
      args.length === 0 ? [now()] : args,
      newTarget === Date ? target : newTarget,
    ),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});
os.uptime = () => realUptime() + shift.sleptMs / 1000;
