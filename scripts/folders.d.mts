type Graph = ReadonlyMap<string, ReadonlySet<string>>;

export declare function importGraph(): Graph;
export declare function againstOrder(graph: Graph): readonly string[];
export declare function notInTree(graph: Graph): readonly string[];
export declare function circles(graph: Graph): readonly (readonly string[])[];
export declare function folderGraph(graph: Graph): Graph;
