/**
 * The three functions of the metadata proposal (tc39/proposal-decorator-metadata, its first form) that the
 * dependency injection inside `@peculiar/x509` calls when it is loaded. Import this before that package.
 */
type MetadataKey = string | symbol;

interface MetadataReflection {
  defineMetadata(key: MetadataKey, value: unknown, target: object): void;
  getOwnMetadata(key: MetadataKey, target: object): unknown;
  getMetadata(key: MetadataKey, target: object): unknown;
}

function createMetadataReflection(): MetadataReflection {
  const metadata = new WeakMap<object, Map<MetadataKey, unknown>>();
  const getOwnMetadata = (key: MetadataKey, target: object): unknown =>
    metadata.get(target)?.get(key);
  return {
    defineMetadata(key, value, target) {
      const known = metadata.get(target) ?? new Map<MetadataKey, unknown>();
      metadata.set(target, known.set(key, value));
    },
    getOwnMetadata,
    getMetadata(key, target) {
      let holder: object | null = target;
      while (holder !== null) {
        if (metadata.get(holder)?.has(key) === true) return getOwnMetadata(key, holder);
        holder = Reflect.getPrototypeOf(holder);
      }
      return undefined;
    },
  };
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, createMetadataReflection());
