import type { OutgoingMessage } from '../../agent/hub/message.js';

/** As small as a message may be. */
export const plainMessage = (number: number): OutgoingMessage => ({
  body: JSON.stringify({ number }),
  messageId: `id-${number}`,
  priority: 'High',
  creationTimeUtc: '2026-01-02T03:04:05.000Z',
  securityMarker: false,
});
