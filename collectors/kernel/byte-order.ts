export type ByteOrder = 'LE' | 'BE';
