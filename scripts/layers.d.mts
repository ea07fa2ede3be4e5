export declare const layers: readonly string[];
export declare const productFolders: readonly string[];
export declare function layerOf(path: string): string | undefined;
export declare function objection(file: string, target: string): string | undefined;
