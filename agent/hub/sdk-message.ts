import common from 'azure-iot-common';
import {
  applicationProperties,
  contentEncoding,
  contentType,
  type OutgoingMessage,
} from './message.js';

/** A message as the SDK takes it. */
export function toMessage(outgoing: OutgoingMessage): InstanceType<typeof common.Message> {
  const message = new common.Message(outgoing.body);
  message.messageId = outgoing.messageId;
  message.contentType = contentType;
  message.contentEncoding = contentEncoding;
  if (outgoing.securityMarker) message.setAsSecurityMessage();
  for (const [name, value] of Object.entries(applicationProperties(outgoing))) {
    message.properties.add(name, value);
  }
  return message;
}
