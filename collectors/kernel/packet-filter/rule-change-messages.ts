import { netlinkHeaderBytes, parseMessages } from '../netlink.js';

/** Somebody changed rules of nf_tables, also through the nftables back end of iptables: one transaction. */
export interface RuleChange {
  /** The thread that made it, as the initial pid namespace counts; absent where the kernel does not say. */
  readonly threadId?: number;
  /** Its name (`comm`), at most 15 bytes; a program chooses it. */
  readonly comm?: string;
}

/** `uapi/linux/netfilter/nfnetlink.h`: NFNL_SUBSYS_NFTABLES in the upper byte; NFT_MSG_NEWGEN ends each transaction. */
const subsystem = 10;
const newGeneration = (subsystem << 8) | 15;
/** `struct nfgenmsg` before the attributes. */
const familyHeaderBytes = 4;
/** `uapi/linux/netfilter/nf_tables.h`, `enum nft_gen_attributes`. */
const attributes = { threadId: 2, comm: 3 } as const;
const attributeHeaderBytes = 4;
const attributeType = 0x3fff;
const longestComm = 15;

/** The transactions of one datagram; what they consist of is passed over. */
export function parseRuleChanges(datagram: Buffer): {
  readonly changes: readonly RuleChange[];
  readonly malformed: number;
} {
  const changes: RuleChange[] = [];
  let malformed = 0;
  let readBytes = 0;
  for (const { type, payload } of parseMessages(datagram)) {
    readBytes += (netlinkHeaderBytes + payload.length + 3) & ~3;
    if (type >>> 8 !== subsystem) malformed++;
    if (type !== newGeneration) continue;
    const change = parseGeneration(payload);
    if (change === undefined) malformed++;
    else changes.push(change);
  }
  if (readBytes < datagram.length) malformed++;
  return { changes, malformed };
}

function parseGeneration(payload: Buffer): RuleChange | undefined {
  let threadId: number | undefined;
  let comm: string | undefined;
  for (let at = familyHeaderBytes; at < payload.length;) {
    if (at + attributeHeaderBytes > payload.length) return undefined;
    const length = payload.readUInt16LE(at);
    if (length < attributeHeaderBytes || at + length > payload.length) return undefined;
    const value = payload.subarray(at + attributeHeaderBytes, at + length);
    const type = payload.readUInt16LE(at + 2) & attributeType;
    if (type === attributes.threadId && value.length === 4) threadId = value.readUInt32BE(0);
    if (type === attributes.comm) comm = textOf(value);
    at += (length + 3) & ~3;
  }
  if (payload.length < familyHeaderBytes) return undefined;
  return {
    ...(threadId !== undefined && threadId > 0 && { threadId }),
    ...(comm !== undefined && comm !== '' && { comm }),
  };
}

function textOf(value: Buffer): string {
  const end = value.indexOf(0);
  const length = Math.min(end === -1 ? value.length : end, longestComm);
  return value.toString('utf8', 0, length);
}
