import { valueText, type Value } from '../data/values';

export const cellTextMax = 200;

/** The value in one line. Text after a line break would be hidden without any sign. */
export function cellText(value: Value): string {
  const text = valueText(value);
  const short = text.length > cellTextMax ? `${text.slice(0, cellTextMax)}…` : text;
  return short.replaceAll(/\r\n|[\r\n]/g, '↵');
}
