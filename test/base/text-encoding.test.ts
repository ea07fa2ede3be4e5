import { expect, test } from 'vitest';
import { otherEncoding } from '../../base/text-encoding.js';

const text = 'HostName=hub.example;DeviceId=d';
const littleEndian = Buffer.from(text, 'utf16le');
const bigEndian = Buffer.from(littleEndian).swap16();
const utf32 = Buffer.from(Array.from(text).flatMap((letter) => [letter.charCodeAt(0), 0, 0, 0]));

test.each([
  ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), littleEndian]), /^UTF-16 \(l/],
  ['the other UTF-16', Buffer.concat([Buffer.from([0xfe, 0xff]), bigEndian]), /^UTF-16 \(big/],
  ['UTF-16 without a mark', littleEndian, /^UTF-16 \(l/],
  ['the other UTF-16 without a mark', bigEndian, /^UTF-16 \(big/],
  ['UTF-32', Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), utf32]), /^UTF-32 \(l/],
  ['UTF-32 without a mark', utf32, /^UTF-32 \(l/],
])('%s is known by name', (_, bytes, name) => {
  expect(otherEncoding(bytes)).toMatch(name);
});

test.each([
  ['UTF-8', Buffer.from(`ü${text}`)],
  ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
  ['nothing', Buffer.alloc(0)],
  ['a certificate in DER', Buffer.from([0x30, 0x82, 0x03, 0x00, 0x30])],
  ['zeros', Buffer.alloc(16)],
])('%s is none of the others', (_, bytes) => {
  expect(otherEncoding(bytes)).toBeUndefined();
});
