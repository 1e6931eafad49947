/** Texts of dates, times and decimals, equal to those of POST /sql (docs/http-api.md, Types). */

const secondsPerDay = 86_400n;

/** Returns a decimal without its decimal point, as an integer, from Arrow's 128 bits. */
export function decimalUnscaled(words: Uint32Array): bigint {
  let value = 0n;
  for (let i = 3; i >= 0; --i) value = (value << 32n) | BigInt(words[i]);
  return BigInt.asIntN(128, value);
}

export function decimalText(words: Uint32Array, scale: number): string {
  const value = decimalUnscaled(words);
  const sign = value < 0n ? '-' : '';
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

export function dateText(days: number): string {
  if (days === 2_147_483_647) return 'infinity';
  if (days === -2_147_483_647) return '-infinity';
  return civilDate(BigInt(days));
}

const infiniteTimestamp = 9_223_372_036_854_775_807n;

export function isInfinite(timestamp: bigint): boolean {
  return timestamp === infiniteTimestamp || timestamp === -infiniteTimestamp;
}

export function timestampText(value: bigint, perSecond: bigint, zone: string): string {
  if (isInfinite(value)) return value > 0n ? 'infinity' : '-infinity';
  const perDay = perSecond * secondsPerDay;
  const days = floorDivide(value, perDay);
  return `${civilDate(days)}T${timeText(value - days * perDay, perSecond)}${zone}`;
}

/** Formats a time. The fraction has 0, 3, 6 or 9 digits, as needed. */
export function timeText(value: bigint, perSecond: bigint): string {
  const seconds = value / perSecond;
  const two = (part: bigint) => part.toString().padStart(2, '0');
  const text = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  const nanoseconds = (value % perSecond) * (1_000_000_000n / perSecond);
  if (nanoseconds === 0n) return text;
  return `${text}.${nanoseconds
    .toString()
    .padStart(9, '0')
    .replace(/(000){1,2}$/, '')}`;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** Computes a date in eras of 400 years, because Date supports fewer years than DuckDB. */
function civilDate(days: bigint): string {
  const daysPerEra = 146_097n;
  const shifted = days + 719_468n; // Days since 0000-03-01.
  const era = floorDivide(shifted, daysPerEra);
  const day = Number(shifted - era * daysPerEra);
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  );
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const civilYear = Number(era) * 400 + year + (month <= 2 ? 1 : 0);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${yearText(civilYear)}-${two(month)}-${two(dayOfMonth)}`;
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, '0');
  return (year < 0 ? '-' : '+') + String(Math.abs(year)).padStart(6, '0');
}
