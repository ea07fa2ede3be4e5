import { readFileSync } from 'node:fs';
import type { ByteOrder } from '../../collectors/kernel/byte-order.js';

const text = (name: string) =>
  readFileSync(
    new URL(`../collectors/kernel/trace/cases/${name}`, import.meta.url),
    'utf8',
  ).trimEnd();

/** What this kernel says of its pages and of inet_sock_set_state, and a page of it from one processor. */
export const capturedFrom = (kernel: string) => ({
  headerPage: text(`header-page-kernel-${kernel}-x64.txt`),
  format: text(`inet-sock-set-state-kernel-${kernel}-x64.txt`),
  page: Buffer.from(text(`page-kernel-${kernel}-x64.hex`), 'hex'),
});

export const captured = capturedFrom('6.18');

/** As a 32-bit kernel of the year 2018 (4.19) lays it out: narrow pointers, and the protocol in one byte. */
export const narrow = {
  headerPage: `
	field: u64 timestamp;	offset:0;	size:8;	signed:0;
	field: local_t commit;	offset:8;	size:4;	signed:1;
	field: int overwrite;	offset:8;	size:1;	signed:1;
	field: char data;	offset:12;	size:4084;	signed:1;`,
  format: `name: inet_sock_set_state
ID: 1101
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:const void * skaddr;	offset:8;	size:4;	signed:0;
	field:int oldstate;	offset:12;	size:4;	signed:1;
	field:int newstate;	offset:16;	size:4;	signed:1;
	field:__u16 sport;	offset:20;	size:2;	signed:0;
	field:__u16 dport;	offset:22;	size:2;	signed:0;
	field:__u16 family;	offset:24;	size:2;	signed:0;
	field:__u8 protocol;	offset:26;	size:1;	signed:0;
	field:__u8 saddr[4];	offset:27;	size:4;	signed:0;
	field:__u8 daddr[4];	offset:31;	size:4;	signed:0;
	field:__u8 saddr_v6[16];	offset:35;	size:16;	signed:0;
	field:__u8 daddr_v6[16];	offset:51;	size:16;	signed:0;`,
};

/** A page of a 32-bit kernel, from parts that are written as the ring buffer writes them. */
export function narrowPage(
  timeNs: bigint,
  parts: readonly Buffer[],
  byteOrder: ByteOrder,
  flags = 0,
  after: Buffer = Buffer.alloc(0),
): Buffer {
  const data = Buffer.concat(parts);
  const head = Buffer.alloc(12);
  if (byteOrder === 'LE') head.writeBigUInt64LE(timeNs);
  else head.writeBigUInt64BE(timeNs);
  write32(head, 8, (data.length | flags) >>> 0, byteOrder);
  return Buffer.concat([head, data, after]);
}

export function part(
  type: number,
  delta: number,
  byteOrder: ByteOrder,
  ...rest: readonly (number | Buffer)[]
): Buffer {
  const header = Buffer.alloc(4);
  write32(
    header,
    0,
    (byteOrder === 'LE' ? delta * 32 + type : type * 2 ** 27 + delta) >>> 0,
    byteOrder,
  );
  const words = rest.map((value) => {
    if (typeof value !== 'number') return value;
    const word = Buffer.alloc(4);
    write32(word, 0, value, byteOrder);
    return word;
  });
  return Buffer.concat([header, ...words]);
}

/** A record of the narrow format, padded to whole words. */
export function narrowRecord(
  values: {
    readonly thread: number;
    readonly socket: number;
    readonly states: readonly [number, number];
    readonly ports: readonly [number, number];
    readonly addresses: readonly [string, string];
    readonly type?: number;
  },
  byteOrder: ByteOrder,
): Buffer {
  const record = Buffer.alloc(68);
  const write16 = (value: number, at: number) =>
    byteOrder === 'LE' ? record.writeUInt16LE(value, at) : record.writeUInt16BE(value, at);
  write16(values.type ?? 1101, 0);
  write32(record, 4, values.thread, byteOrder);
  write32(record, 8, values.socket, byteOrder);
  write32(record, 12, values.states[0], byteOrder);
  write32(record, 16, values.states[1], byteOrder);
  write16(values.ports[0], 20);
  write16(values.ports[1], 22);
  write16(2, 24);
  record[26] = 6;
  values.addresses.forEach((address, index) => {
    Buffer.from(address.split('.').map(Number)).copy(record, 27 + 4 * index);
  });
  return record;
}

function write32(buffer: Buffer, at: number, value: number, byteOrder: ByteOrder): void {
  if (byteOrder === 'LE') buffer.writeUInt32LE(value, at);
  else buffer.writeUInt32BE(value, at);
}
