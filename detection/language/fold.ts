/**
 * A text in which letters that differ in case alone are equal, by which values are compared without case (simple case
 * folding of Unicode). Both sides of a comparison are folded by this one function.
 *
 * Lower case is the folding but for letters with two lower forms, of which `ς` also depends on what stands after it: a part
 * of a text would otherwise not fold as the whole does.
 */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  return specialForms.test(lower)
    ? lower.replace(allSpecialForms, (form) => usual[form] ?? form)
    : lower;
}

const usual: Readonly<Record<string, string>> = {
  ς: 'σ',
  ſ: 's',
  ϐ: 'β',
  ϑ: 'θ',
  ϕ: 'φ',
  ϖ: 'π',
  ϰ: 'κ',
  ϱ: 'ρ',
  ϵ: 'ε',
  ẛ: 'ṡ',
};
const specialForms = /[ςſϐϑϕϖϰϱϵẛ]/;
const allSpecialForms = /[ςſϐϑϕϖϰϱϵẛ]/g;
