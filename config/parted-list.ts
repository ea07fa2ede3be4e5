import type { Member } from './setting.js';

export type TextsDeclaration = Extract<Member, { readonly kind: 'texts' }>;

/** What the texts of a list look like, one by one and as one text in which they are parted by commas. */
export function partedList({ maxItems, maxLength }: TextsDeclaration): {
  readonly item: string;
  readonly pattern: string;
} {
  const body = (excluded: string): string =>
    `[^ ${excluded}${noText}][^${excluded}${noText}]{0,${maxLength - 1}}`;
  return {
    item: `^${body('')}$`,
    pattern: `^(?:${body(',')}(?:, ?${body(',')}){0,${maxItems - 1}})?$`,
  };
}

/** Control characters, and halves of characters. */
const noText = '\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff';
