/** The properties of a telemetry message, decoded. */
interface MessageProperties {
  /** Set by the sender's application; `null` for a name that came without `=`. */
  readonly application: Readonly<Record<string, string | null>>;
  /** Keyed as on the wire: `$.mid`, `$.ct`, `$.ce`, `$.ifid`, … */
  readonly system: Readonly<Record<string, string>>;
}

/**
 * Decodes `name=value&…` from the end of a telemetry topic; both sides are percent-encoded. Some clients encode the
 * `$` of a system property too, so names are decoded before they are told apart. Answers `undefined` when the
 * percent encoding is broken.
 */
export function parsePropertyBag(bag: string): MessageProperties | undefined {
  const application: [string, string | null][] = [];
  const system: [string, string][] = [];
  try {
    for (const pair of bag.replace(/\/$/, '').split('&')) {
      if (pair === '') continue;
      const equals = pair.indexOf('=');
      const name = decodeURIComponent(equals < 0 ? pair : pair.slice(0, equals));
      const value = equals < 0 ? null : decodeURIComponent(pair.slice(equals + 1));
      if (name.startsWith('$.')) system.push([name, value ?? '']);
      else application.push([name, value]);
    }
  } catch {
    return undefined;
  }
  return { application: Object.fromEntries(application), system: Object.fromEntries(system) };
}

/**
 * What IoT Hub counts against the limit of 262144 bytes and meters in blocks of 4096: the body, the values of the
 * system properties, the names and values of the application properties.
 */
export function messageSizeBytes(bodyBytes: number, properties: MessageProperties): number {
  const bytes = (text: string | null): number => Buffer.byteLength(text ?? '');
  const system = Object.values(properties.system).reduce((sum, value) => sum + bytes(value), 0);
  const application = Object.entries(properties.application).reduce(
    (sum, [name, value]) => sum + bytes(name) + bytes(value),
    0,
  );
  return bodyBytes + system + application;
}
