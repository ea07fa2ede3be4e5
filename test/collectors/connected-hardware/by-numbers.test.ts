import fc from 'fast-check';
import { expect, it } from 'vitest';
import { byNumbers } from '../../../collectors/connected-hardware/facts/sysfs.js';

it('names of devices are in the order of their numbers', () => {
  const names = ['usb10', 'usb2', 'eth0', '1-1.10', '1-1.9', '1-1', 'usb02', 'usb2a', 'usb'];
  expect(names.sort(byNumbers)).toEqual([
    '1-1',
    '1-1.9',
    '1-1.10',
    'eth0',
    'usb',
    'usb2',
    'usb02',
    'usb2a',
    'usb10',
  ]);
});

it('whatever the names are, there is one order of them', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '0', '1', '2', '-', '.') });
  fc.assert(
    fc.property(fc.array(name), fc.array(name), (some, others) => {
      const one = [...some, ...others].sort(byNumbers);
      expect([...others, ...some].sort(byNumbers)).toEqual(one);
    }),
  );
});
