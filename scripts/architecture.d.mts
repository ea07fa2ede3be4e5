/** The picture of the folders in their order, as SVG. */
export function architectureSvg(): string;
