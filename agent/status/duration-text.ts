const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** "3 d 4 h", "12 min", "7 s": the two largest units, the second only where it says something. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const index = units.findIndex(([, size]) => whole >= size);
  const [name, size] = units[index] ?? ['s', 1];
  const text = `${Math.floor(whole / size)} ${name}`;
  const [smallName, smallSize] = units[index + 1] ?? ['', Infinity];
  const small = Math.floor((whole % size) / smallSize);
  return small === 0 || smallName === 's' ? text : `${text} ${small} ${smallName}`;
}

/** "512 bytes", "4.1 KB", "12 MB". */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const [value, unit] = bytes < 1_048_576 ? [bytes / 1024, 'KB'] : [bytes / 1_048_576, 'MB'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
