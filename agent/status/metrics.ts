import type { StatusDocument } from './document.js';
import { statusShape } from './document.js';
import type { Field } from './shape.js';

const prefix = 'iot_security_agent_';

interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: string[];
}

/** The status in the text format of Prometheus (version 0.0.4): every number and choice that declares a metric. */
export function prometheusText(document: StatusDocument): string {
  const families = new Map<string, Family>();
  collect(families, statusShape, document, []);
  return [...families]
    .map(([name, { help, type, samples }]) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples, ''].join('\n'),
    )
    .join('');
}

type Labels = readonly (readonly [string, string])[];

function collect(
  families: Map<string, Family>,
  field: Field,
  value: unknown,
  labels: Labels,
): void {
  if (value === undefined) return;
  const { metric } = field;
  const add = (labelled: Labels, sample: number): void => {
    if (metric === undefined) return;
    const name = prefix + metric.name;
    const family = families.get(name) ?? { help: field.meaning, type: metric.type, samples: [] };
    families.set(name, family);
    family.samples.push(`${name}${labelText(labelled)} ${sample}`);
  };
  switch (field.kind) {
    case 'number':
      add(labels, value as number);
      return;
    case 'choice':
      for (const possible of field.values) {
        add([...labels, ['state', possible]], possible === value ? 1 : 0);
      }
      return;
    case 'group':
      for (const [key, entry] of Object.entries(field.fields)) {
        collect(families, entry, (value as Record<string, unknown>)[key], labels);
      }
      return;
    case 'map':
      for (const [key, entry] of Object.entries(value as Record<string, unknown>)) {
        collect(families, field.of, entry, [...labels, [field.label, key]]);
      }
      return;
    case 'list':
    case 'text':
    case 'truth':
      return;
  }
}

function labelText(labels: Labels): string {
  if (labels.length === 0) return '';
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `{${labels.map(([name, text]) => `${name}="${escaped(text)}"`).join(',')}}`;
}
