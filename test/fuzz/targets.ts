import { readdirSync, readFileSync } from 'node:fs';
import { storedCounts } from '../../agent/accounting/counters-file.js';
import { LossLedger } from '../../agent/accounting/losses.js';
import { classifyFailure } from '../../agent/hub/failure.js';
import { checkTwinMessage } from '../../agent/hub/twin-guard.js';
import { AggregationCoordinator } from '../../agent/pipeline/aggregation/coordinator.js';
import { AggregationJournal } from '../../agent/pipeline/aggregation/journal.js';
import { securityEvent, type SecurityEvent } from '../../agent/pipeline/event.js';
import { Replay } from '../../agent/replay/replay.js';
import { encodeRecord } from '../../agent/spool/records.js';
import { Spool } from '../../agent/spool/spool.js';
import { readStatusDocument } from '../../agent/status/document.js';
import { statusText } from '../../agent/status/text.js';
import { mergePatch, NestingError } from '../../agent/twin/merge-patch.js';
import { fitStatus, twinSizeBytes, withinTwinLimits } from '../../agent/twin/reported-limits.js';
import { buildBatch } from '../../agent/uplink/batch.js';
import { isJsonObject, JsonError, parseJson, type JsonValue } from '../../base/json.js';
import { printable } from '../../base/text.js';
import { parseSave } from '../../collectors/firewall-configuration/iptables/save.js';
import { parseRuleset } from '../../collectors/firewall-configuration/nftables/ruleset.js';
import { toPayloads } from '../../collectors/firewall-configuration/rules/payloads.js';
import { addressText } from '../../collectors/kernel/address.js';
import { parseFields, parseRecord, untrustedText } from '../../collectors/kernel/audit/record.js';
import { parseAuditPlace } from '../../collectors/kernel/audit/unread-time.js';
import { IdNames } from '../../collectors/connected-hardware/facts/id-names.js';
import { parseUevent } from '../../collectors/kernel/devices/uevent.js';
import { parsePasswd } from '../../collectors/kernel/files/users.js';
import { parseUtmp, utmpLayouts } from '../../collectors/kernel/files/utmp.js';
import { UtmpReader } from '../../collectors/kernel/files/utmp-reader.js';
import { parseMessages } from '../../collectors/kernel/netlink.js';
import {
  parseAuditId,
  parseCmdline,
  parseRealUid,
  parseStat,
  parseThreadGroup,
} from '../../collectors/kernel/processes/proc.js';
import { parseProcessEvents } from '../../collectors/kernel/processes/proc-connector-messages.js';
import { parseSocketRow, socketProtocols } from '../../collectors/kernel/sockets/proc-net.js';
import { transitionReader } from '../../collectors/kernel/sockets/sock-state.js';
import {
  parseEventFormat,
  parsePageLayout,
  readPage,
} from '../../collectors/kernel/trace/trace-page.js';
import { loginObservation } from '../../collectors/login/payload.js';
import {
  parseAccount,
  parseGroup,
  parsePasswordRecord,
} from '../../collectors/kernel/files/account-lines.js';
import { directoryServices } from '../../collectors/local-users/directories.js';
import { Memberships } from '../../collectors/local-users/memberships.js';
import { WtmpLogins } from '../../collectors/login/sources/wtmp.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
import { earlyObjectName } from '../../config/twin-dialects.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { SchemaCheck } from '../../local-hub/hub/schema-check.js';
import { LiveView } from '../../local-hub/live-view/live-view.js';
import { FakeClock } from '../support/fake-clock.js';
import { MemoryFiles } from '../support/memory-files.js';
import { captured } from '../support/trace-cases.js';

/** Something that reads what strangers wrote. `run` throws when a promise is broken. */
export interface Target {
  readonly seeds: readonly Buffer[];
  readonly run: (input: Buffer) => void | Promise<void>;
}

const schema = new SchemaCheck();
const cases = new URL('../collectors/', import.meta.url);
const file = (path: string): Buffer => readFileSync(new URL(path, cases));
const filesBelow = (path: string): Buffer[] =>
  readdirSync(new URL(path, cases), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`));
const text = (value: string): Buffer => Buffer.from(value, 'utf8');
const chunks = (bytes: Buffer, sizeBytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / sizeBytes) }, (_, index) =>
    bytes.subarray(index * sizeBytes, (index + 1) * sizeBytes),
  );

/** Control characters, marks that reorder, separators of lines, halves of characters: none may reach a log or terminal. */
const unprintable = /[\p{C}\u2028\u2029]/u;

function ensure(condition: boolean, promise: string): void {
  if (!condition) throw new Error(promise);
}

/** As the hub gets it: within its size, valid, and harmless on the terminal of whoever watches it. */
function checkEvents(events: readonly SecurityEvent[]): void {
  if (events.length === 0) return;
  const main = events.map((event, index) => {
    const json = JSON.stringify(event);
    const sizeBytes = Buffer.byteLength(json);
    return { queue: 'low' as const, sequence: index + 1, json, sizeBytes, storedWallMs: 0 };
  });
  const { message, sizeBytes } = buildBatch(
    { operational: [], main, filling: [] },
    {
      envelope: {
        agentVersion: '1',
        agentId: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
        hubResourceId: '',
        securityMarker: true,
      },
      priority: 'Low',
      limitBytes: 262_144,
      fillWhole: false,
    },
  );
  if (message === undefined) return;
  ensure(sizeBytes <= 262_144, 'no message is larger than the hub takes');
  const { body } = message;
  const json = JSON.parse(body) as unknown;
  const problems = schema.problems(json);
  ensure(problems.length === 0, `the message is valid, but: ${problems.join('; ')}`);
  const received = {
    deviceId: 'device',
    moduleId: undefined,
    body,
    json,
    properties: {},
    systemProperties: {},
    sizeBytes,
    receivedAt: new Date(0),
    problems: [],
  };
  for (const line of new LiveView().message(received))
    ensure(!unprintable.test(line), 'a line of the live view is one line of harmless characters');
}

function json(input: Buffer): JsonValue | undefined {
  try {
    return parseJson(input.toString('utf8'));
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    ensure(!unprintable.test(error.message), 'what is wrong with a text is said in one line');
    return undefined;
  }
}

async function openSpool(files: MemoryFiles): Promise<void> {
  const clock = new FakeClock();
  const spool = await Spool.open({
    directory: '/spool',
    limitBytes: 65_536,
    clock,
    files,
    identify: () => Promise.resolve(undefined),
    lose: (_cause, count) =>
      ensure(Number.isSafeInteger(count) && count > 0, 'a loss is counted by a number'),
  });
  const outcome = await spool.append('low', '{"new":true}');
  ensure(outcome === 'stored', 'the cache takes events, whatever its files contain');
  const events = await spool.read('low', 0, Infinity);
  ensure(events.at(-1)?.json === '{"new":true}', 'and gives them');
  await spool.acknowledge('low', events.at(-1)?.sequence ?? 0);
  await spool.close();
}

async function openAggregates(files: MemoryFiles): Promise<void> {
  const clock = new FakeClock();
  const losses = new LossLedger();
  const journal = await AggregationJournal.open({
    directory: '/aggregates',
    files,
    lose: (cause, count) => losses.count('aggregates', cause, count),
  });
  const events: SecurityEvent[] = [];
  const coordinator = new AggregationCoordinator({
    clock,
    journal,
    maxEntries: 100,
    maxBytes: 1_000_000,
    outbox: {
      add: () => undefined,
      addSealed: (_queue, name, sealed) => {
        for (const { payload, endMs, id } of sealed)
          events.push(securityEvent({ name, payloads: [payload], timeMs: endMs, id }));
        return Promise.resolve();
      },
    },
    queueOf: () => 'low',
    onDropped: () => undefined,
    isDurable: () => true,
  });
  await coordinator.start();
  coordinator.setInterval('ProcessCreate', 1000);
  await coordinator.sealAll();
  checkEvents(events);
}

const aggregate = {
  id: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
  name: 'ProcessCreate',
  identity: {
    Executable: '/bin/x',
    ProcessId: 0,
    ParentProcessId: 0,
    UserId: '0',
    CommandLine: 'x',
  },
  startMs: 1_767_000_000_000,
  hitCount: 3,
  firstSeenMs: 1_767_000_000_000,
  lastSeenMs: 1_767_000_000_500,
  hash: '',
  unhashedHits: 0,
  extraDetails: { WorkingDirectory: '/' },
};
const aggregateRecords = [
  { kind: 'open', aggregate },
  { kind: 'hits', ...aggregate, hitCount: 9 },
  { kind: 'seal', id: aggregate.id, endMs: 1_767_000_001_000, batch: 1 },
  { kind: 'gone', ids: [aggregate.id] },
].map((record) => text(JSON.stringify(record)));
const segment = Buffer.concat(
  [1, 2, 3].map((sequence) =>
    encodeRecord({ sequence, wallMs: 1_767_000_000_000, body: text(`{"event":${sequence}}`) }),
  ),
);

const desiredDocuments = [
  { [configurationObjectName]: { snapshotFrequency: { value: 'PT1H' } }, $version: 3 },
  { [configurationObjectName]: { maxMessageSizeInBytes: { value: 8192 } } },
  { [configurationObjectName]: { eventPriorityLogin: { value: 'High' }, unknown: [1, {}] } },
  { [earlyObjectName]: { snapshotFrequency: 'PT1H', maxMessageSizeInBytes: '8192' } },
  { CollectorsCore_PriorityIntervals: '1,2,4', Login_Disabled: true, Process_Mode: 3 },
  { Baseline_ChecksDisabled: '3.3.5', SystemInformation_HardwareVendor: 'x', SBoM_Disabled: 1 },
].map((document) => text(JSON.stringify(document)));

const status = {
  health: 'healthy',
  problems: [],
  connection: { state: 'connected', seconds: 3, failure: 'none' },
  losses: { high: { spoolFull: { total: 1, lastHour: 1 } } },
};

/** Every reader of foreign input, by name: the one declaration for the tests and for `npm run fuzz`. */
export const targets: Readonly<Record<string, Target>> = {
  'audit logs, up to the message': {
    seeds: readdirSync(new URL('kernel/audit/cases/', cases)).flatMap((name) =>
      chunks(file(`kernel/audit/cases/${name}`), 6_000).slice(0, 12),
    ),
    run: (input) => {
      const events: SecurityEvent[] = [];
      const replay = new Replay({
        onEvent: (event) => events.push(event),
        onMalformed: (_line, why) => ensure(!unprintable.test(why), 'why is one line'),
        lose: () => undefined,
      });
      input
        .toString('utf8')
        .split('\n')
        .forEach((line, index) =>
          replay.push({ number: index + 1, state: 'whole', text: line } as never),
        );
      replay.end();
      checkEvents(events);
    },
  },
  'audit records': {
    seeds: file('kernel/audit/cases/debian-12-kernel-6.18-x64.log')
      .toString()
      .split('\n')
      .slice(0, 60)
      .map((line) => text(line.replace(/^type=\w+ msg=/, ''))),
    run: (input) => {
      for (const type of [1300, 1309, 1306, 1100, 1327]) {
        const record = parseRecord(type, input.toString('latin1'));
        if (record === undefined) continue;
        for (const [, value] of parseFields(record.body)) untrustedText(value);
      }
    },
  },
  'netlink datagrams': {
    seeds: [
      Buffer.from('30000000020000000100000000000000', 'hex'),
      Buffer.concat([
        Buffer.from('4c000000030000000000000000000000', 'hex'),
        Buffer.from('0100000001000000000000000000000028000000', 'hex'),
        Buffer.from('02000000000000000011223344556677', 'hex'),
        Buffer.alloc(24, 1),
      ]),
    ],
    run: (input) => {
      let messages = 0;
      for (const { payload } of parseMessages(input)) {
        ensure(payload.length <= input.length, 'nothing beyond the datagram is read');
        ensure(++messages <= input.length / 16, 'it comes to an end');
      }
      parseProcessEvents(input, 0);
    },
  },
  'trace pages': {
    seeds: [captured.page],
    run: (input) => {
      const layout = parsePageLayout(captured.headerPage);
      const format = parseEventFormat(captured.format);
      if (layout === undefined || format === undefined) throw new Error('the captured layout');
      for (const byteOrder of ['LE', 'BE'] as const) {
        const read = transitionReader(format, byteOrder);
        readPage(input, layout, byteOrder, (timeNs, record) => read?.(timeNs, record));
      }
    },
  },
  'trace formats': {
    seeds: [text(captured.headerPage), text(captured.format)],
    run: (input) => {
      const content = input.toString('utf8');
      const layout = parsePageLayout(content) ?? parsePageLayout(captured.headerPage);
      if (layout !== undefined) readPage(captured.page, layout, 'LE', () => undefined);
      const format = parseEventFormat(content);
      const read = format === undefined ? undefined : transitionReader(format, 'LE');
      read?.(0, captured.page.subarray(16, 120));
    },
  },
  '/proc files': {
    seeds: filesBelow('cases/debian-12-kernel-6.1/proc').map((bytes) => bytes.subarray(0, 8_192)),
    run: (input) => {
      const content = input.toString('utf8');
      parseStat(content);
      parseThreadGroup(content);
      parseRealUid(content);
      parseAuditId(content);
      parseCmdline(input);
      for (const line of content.split('\n').slice(0, 200))
        for (const protocol of socketProtocols)
          for (const byteOrder of ['LE', 'BE'] as const) {
            const row = parseSocketRow(line, protocol, byteOrder);
            if (row === undefined || row === 'malformed') continue;
            checkEvents([
              securityEvent({
                name: 'ListeningPorts',
                payloads: [
                  {
                    Protocol: row.protocol,
                    LocalAddress: addressText(row.addressHex),
                    LocalPort: String(row.port),
                  },
                ],
                timeMs: 0,
              }),
            ]);
            return;
          }
    },
  },
  'rules of nft, up to the message': {
    seeds: ['docker', 'firewalld', 'nft-1.1.3', 'openwrt-fw4'].map((name) =>
      file(`firewall-configuration/cases/${name}/nft.json`),
    ),
    run: async (input) => {
      // What is no answer of nft is refused with a reason.
      const ruleset = await parseRuleset(input.toString('utf8')).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('The answer of nft'))
          throw error;
      });
      const payloads = toPayloads(ruleset?.chains ?? []);
      checkEvents([securityEvent({ name: 'FirewallConfiguration', payloads, timeMs: 0 })]);
    },
  },
  'rules of iptables-save, up to the message': {
    seeds: [
      file('firewall-configuration/cases/iptables-legacy/iptables-legacy-save.txt'),
      file('firewall-configuration/cases/ufw/ip6tables-save.txt'),
    ],
    run: async (input) => {
      const payloads = toPayloads((await parseSave(input.toString('utf8'), 'ip')).chains);
      checkEvents([securityEvent({ name: 'FirewallConfiguration', payloads, timeMs: 0 })]);
    },
  },
  'utmp records, up to the message': {
    seeds: [
      ...chunks(file('cases/debian-12-logins/wtmp'), 384),
      ...chunks(file('cases/debian-12-logins/btmp'), 384),
    ],
    run: (input) => {
      const events: SecurityEvent[] = [];
      const logins = new WtmpLogins({
        executableOf: () => undefined,
        onLogin: (facts) => {
          const { payload, timeMs } = loginObservation(facts);
          events.push(securityEvent({ name: 'Login', payloads: [payload], timeMs }));
        },
      });
      for (const layout of Object.values(utmpLayouts)) {
        const bytes = Buffer.concat([input, Buffer.alloc(layout.sizeBytes)]);
        for (const byteOrder of ['LE', 'BE'] as const) {
          const record = parseUtmp(bytes.subarray(0, layout.sizeBytes), layout, byteOrder);
          if (record === undefined) continue;
          logins.take('wtmp', record);
          logins.take('btmp', record);
        }
      }
      const reader = new UtmpReader({
        byteOrder: 'LE',
        onRecord: (record) => logins.take('btmp', record),
        onGap: (records) => ensure(records > 0, 'a gap is of something'),
      });
      reader.push(input);
      reader.end();
      // Whoever is not named at all fails the check of the pipeline.
      checkEvents(
        events.filter(({ Payload }) =>
          Payload.every((each) => 'UserName' in each || 'UserId' in each),
        ),
      );
    },
  },
  passwd: {
    seeds: [file('cases/debian-12-kernel-6.1/etc/passwd'), file('cases/hostile/etc/passwd')],
    run: (input) => {
      const { names, uids } = parsePasswd(input.toString('utf8'));
      for (const name of [...names.values(), ...uids.keys()])
        ensure(!/[\n:]/.test(name), 'a name is one field');
    },
  },
  'passwd, group, shadow and nsswitch.conf': {
    seeds: ['passwd', 'group', 'shadow', 'nsswitch.conf'].map((name) =>
      file(`../captured-roots/debian-13/etc/${name}`),
    ),
    run: (input) => {
      const lines = input.toString('utf8').split('\n');
      const memberships = new Memberships(['root', 'anna'], new Set([0, 1000]));
      for (const line of lines) {
        const group = parseGroup(line);
        if (typeof group !== 'string') memberships.add(group);
        const record = parsePasswordRecord(line);
        const [, field = ''] = line.trimStart().split(':');
        if (field.length > 16 && typeof record !== 'string') {
          const { name, ...told } = record;
          ensure(!JSON.stringify(told).includes(field), 'no hash is held');
          ensure(name !== '', 'a record has a name');
        }
        parseAccount(line);
      }
      for (const name of ['root', 'anna']) {
        const { ids, names } = memberships.of(name, 0, '(no such group)');
        ensure(ids.split(';').length === names.split(';').length, 'ids and names are aligned');
      }
      ensure(directoryServices(input.toString('utf8')).length <= 16, 'services are bounded');
    },
  },
  'names of ids': {
    seeds: [
      file('../captured-roots/debian-13/usr/share/misc/pci.ids'),
      file('../captured-roots/debian-13/var/lib/usbutils/usb.ids'),
    ],
    run: (input) => {
      const id = { vendor: '8086', product: '10d3' };
      const names = new IdNames([id]);
      input.toString('utf8').split('\n').forEach(names.take);
      ensure((names.productOf(id) ?? '').length <= 200, 'a name is bounded');
    },
  },
  'device events': {
    seeds: [
      text(
        'add@/devices/virtual/net/uhtap\0ACTION=add\0DEVPATH=/devices/virtual/net/uhtap\0SUBSYSTEM=net\0INTERFACE=uhtap\0IFINDEX=12\0SEQNUM=1169\0',
      ),
    ],
    run: (input) => {
      const event = parseUevent(input);
      ensure(event?.path.startsWith('/') ?? true, 'a path begins at the root of /sys');
    },
  },
  'desired properties': {
    seeds: desiredDocuments,
    run: (input) => {
      const document = json(input);
      if (!isJsonObject(document)) return;
      try {
        const merged = mergePatch({ [configurationObjectName]: { a: { value: 1 } } }, document);
        const before = evaluateTwin(document, undefined);
        const { problems } = evaluateTwin(merged, before.settings);
        for (const { reason } of [...problems, ...before.problems])
          ensure(!unprintable.test(reason), 'a reason is one line of harmless characters');
        const status = fitStatus(withinTwinLimits(document), 0);
        ensure(twinSizeBytes(status) <= 32_768, 'what is reported fits the twin');
      } catch (error) {
        if (!(error instanceof NestingError)) throw error;
      }
      ensure(!('x' in {}), 'no prototype was changed');
    },
  },
  'answers of the hub': {
    seeds: [...desiredDocuments, text('{"errorCode":429,"message":"later"}'), text('')],
    run: (input) => {
      const endpoint = { host: 'hub', port: 8883 };
      for (const topic of [
        '$iothub/twin/res/200/?$rid=1',
        '$iothub/twin/res/429/?$rid=2',
        '$iothub/twin/PATCH/properties/desired/?$version=4',
        `$iothub/twin/${input.toString('utf8').slice(0, 200)}`,
      ]) {
        const passed = checkTwinMessage(topic, input);
        if (passed !== undefined && passed.length > 0) JSON.parse(passed.toString());
      }
      const said = Object.assign(new Error(input.toString('utf8').slice(0, 500)), {
        code: input.toString('latin1').slice(0, 20),
      });
      classifyFailure(said, 'connect', endpoint as never);
    },
  },
  'local configuration': {
    seeds: [
      text(JSON.stringify({ identity: { mode: 'module', hostName: 'h.net', keyFile: '/k' } })),
      text(JSON.stringify({ logLevel: 'info', redactionPatterns: ['--token=(\\S+)'] })),
    ],
    run: (input) => {
      const result = parseLocalSettings(input.toString('utf8'), 'agent.json');
      if (!('problems' in result)) return;
      for (const { message } of result.problems)
        ensure(!unprintable.test(message), 'a problem is one line of harmless characters');
    },
  },
  'files of the local cache': {
    seeds: [segment, Buffer.alloc(600)],
    run: async (input) => {
      for (const name of ['low-000000000000001.journal', 'heads']) {
        const files = new MemoryFiles();
        files.put(`/spool/${name}`, Buffer.from(input));
        await openSpool(files);
      }
    },
  },
  'files of the aggregates': {
    seeds: [segment],
    run: (input) => {
      const files = new MemoryFiles();
      files.put('/aggregates/aggregates-000000000000001.journal', Buffer.from(input));
      return openAggregates(files);
    },
  },
  'records of the aggregates with good checksums': {
    seeds: aggregateRecords,
    run: (input) => {
      const files = new MemoryFiles();
      const bodies = [aggregateRecords[0] ?? input, input, aggregateRecords[2] ?? input];
      const records = bodies.map((body, index) =>
        encodeRecord({ sequence: index + 1, wallMs: 0, body }),
      );
      files.put('/aggregates/aggregates-000000000000001.journal', Buffer.concat(records));
      return openAggregates(files);
    },
  },
  'the counters file': {
    seeds: [
      text(
        '{"losses":{"high":{"spoolFull":3}},"audit":{"bootId":"x","serial":1,"timeMs":2,"rulesGone":false}}',
      ),
    ],
    run: (input) => {
      const stored = json(input);
      if (!isJsonObject(stored)) return;
      const losses = new LossLedger();
      losses.restore(storedCounts(stored['losses']));
      parseAuditPlace(stored['audit']);
      fitStatus(withinTwinLimits({ losses: losses.snapshot() }), 0);
    },
  },
  'answers to a status request': {
    seeds: [text(JSON.stringify(status))],
    run: (input) => {
      let document;
      try {
        document = readStatusDocument(input.toString('utf8'));
      } catch (error) {
        ensure(error instanceof Error && !unprintable.test(error.message), 'why is one line');
        return;
      }
      for (const line of statusText(document).split('\n').slice(0, -1))
        ensure(!unprintable.test(line), 'a line of the status is one line of harmless characters');
    },
  },
  'lines of the log': {
    seeds: [text('The agent is ready: its collectors are armed.'), text('\u202egnp.exe')],
    run: (input) => {
      const line = printable(input.toString('utf8'));
      ensure(!unprintable.test(line), 'a line of the log is one line of harmless characters');
    },
  },
};
