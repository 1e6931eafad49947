import {
  type Binary,
  type Data,
  DataType,
  Precision,
  TimeUnit,
  Type,
  type Utf8,
  Vector,
} from 'apache-arrow/Arrow.dom';
import { dateText, decimalText, timestampText, timeText } from './temporal';

/** The kinds of values that are shown differently. */
export type Kind = 'number' | 'text' | 'boolean' | 'time' | 'binary' | 'nested';

/** A number with digits that a JavaScript number would lose. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

/** The fields of a struct or map, in order. A JavaScript object would move names like '1' first. */
class Fields {
  constructor(readonly entries: [string, Value][]) {}
}

/** Dates and times are the texts that POST /sql has in JSON. */
export type Value = null | boolean | number | string | ExactNumber | Uint8Array | Value[] | Fields;

// The server sends them as text, because Arrow has no such types.
const numbersAsText = /^(HUGEINT|UHUGEINT|BIGNUM)$/;
const nestedAsText = /^(STRUCT|MAP|UNION|VARIANT|JSON)\b|\[\d*\]$/;

export function kindOf(type: DataType, name: string): Kind {
  if (numbersAsText.test(name)) return 'number';
  if (nestedAsText.test(name)) return 'nested';
  switch (type.typeId) {
    case Type.Int:
    case Type.Float:
    case Type.Decimal:
      return 'number';
    case Type.Bool:
      return 'boolean';
    case Type.Date:
    case Type.Timestamp:
      return 'time';
    case Type.Binary:
      return 'binary';
    case Type.List:
    case Type.FixedSizeList:
    case Type.Struct:
    case Type.Map:
      return 'nested';
    default:
      return 'text';
  }
}

// Arrow's vectors, which read the simpler types. One for each batch and column.
const vectors = new WeakMap<Data, Vector>();
function plainValue(data: Data, row: number): unknown {
  let vector = vectors.get(data);
  if (vector === undefined) {
    vector = new Vector([data]);
    vectors.set(data, vector);
  }
  return vector.get(row) as unknown;
}

const unitsPerSecond: Record<TimeUnit, bigint> = {
  [TimeUnit.SECOND]: 1n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1_000_000n,
  [TimeUnit.NANOSECOND]: 1_000_000_000n,
};

/**
 * Returns enough of a value to show `most` characters. Leaves out the rest of longer texts, lists
 * and BLOBs, because the cost grows with the length.
 */
export function readValue(data: Data, row: number, most = Infinity): Value {
  const type: DataType = data.type;
  if (DataType.isNull(type) || !data.getValid(row)) return null;
  if (DataType.isDecimal(type)) {
    const words = (data.values as Uint32Array).subarray(row * 4, row * 4 + 4);
    return new ExactNumber(decimalText(words, type.scale));
  }
  if (DataType.isDate(type)) return dateText((data.values as Int32Array)[row]);
  if (DataType.isTimestamp(type)) {
    const zone = type.timezone ? '+00:00' : '';
    return timestampText((data.values as BigInt64Array)[row], unitsPerSecond[type.unit], zone);
  }
  if (DataType.isTime(type)) {
    return timeText(BigInt((data.values as BigInt64Array)[row]), unitsPerSecond[type.unit]);
  }
  if (DataType.isMap(type)) {
    // An entry is a struct with any names: the first field is the key, the second the value.
    const [keys, values] = data.children[0].children;
    const entries = placesOf(data, row, most).map((i): [Value, Value] => [
      readValue(keys, i, most),
      readValue(values, i, most),
    ]);
    const byText = DataType.isUtf8(keys.type) || DataType.isDictionary(keys.type);
    return byText ? new Fields(entries as [string, Value][]) : entries;
  }
  if (DataType.isList(type)) {
    return placesOf(data, row, most).map((i) => readValue(data.children[0], i, most));
  }
  if (DataType.isFixedSizeList(type)) {
    const size = type.listSize;
    return Array.from({ length: Math.min(size, most) }, (_, i) =>
      readValue(data.children[0], row * size + i, most),
    );
  }
  if (DataType.isStruct(type)) {
    return new Fields(type.children.map(({ name }, i) => [name, readValue(data.children[i], row, most)]));
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const { values, valueOffsets } = data as Data<Utf8 | Binary>;
    // A character has at most four bytes.
    const end = Math.min(valueOffsets[row + 1], valueOffsets[row] + 4 * most);
    const bytes = values.subarray(valueOffsets[row], end);
    return DataType.isUtf8(type) ? utf8.decode(bytes) : bytes;
  }
  const value = plainValue(data, row);
  if (DataType.isFloat(type) && type.precision === Precision.SINGLE) return shortestOfFloat(value as number);
  return typeof value === 'bigint' ? new ExactNumber(String(value)) : (value as Value);
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The indexes of the entries of a list in its child. */
function placesOf(data: Data, row: number, most: number): number[] {
  const offsets = data.valueOffsets as Int32Array;
  const length = Math.min(offsets[row + 1] - offsets[row], most);
  return Array.from({ length }, (_, i) => offsets[row] + i);
}

/** Returns 0.1 for the FLOAT 0.1, which is 0.10000000149011612 as a DOUBLE. */
function shortestOfFloat(value: number): number {
  if (value === 0) return value; // Keeps -0.
  for (let digits = 6; digits < 9; ++digits) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}

/** With `indent`, nested values are indented by two spaces per level. */
export function valueText(value: Value, indent = false): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return bytesText(value);
  return jsonText(value, indent ? '\n' : '');
}

/** Like JSON.stringify(), but keeps all digits of numbers. */
function jsonText(value: Value, newLine: string): string {
  if (value instanceof ExactNumber) return value.text;
  if (value instanceof Uint8Array) return JSON.stringify(bytesText(value));
  // JSON.stringify() loses NaN, Infinity and -0. They are shown by these names.
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const deeper = newLine === '' ? '' : `${newLine}  `;
  const space = newLine === '' ? '' : ' ';
  const parts = Array.isArray(value)
    ? value.map((part) => jsonText(part, deeper))
    : value.entries.map(([name, part]) => `${JSON.stringify(name)}:${space}${jsonText(part, deeper)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return open + close;
  return open + deeper + parts.join(`,${deeper}`) + newLine + close;
}

/** Formats a BLOB like DuckDB: printable ASCII unchanged, other bytes as \x41. */
function bytesText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** The position on an axis; for dates and times the seconds since 1970. NaN if there is none. */
export function numberOf(value: Value, kind: Kind): number {
  if (value === null) return NaN;
  if (value instanceof ExactNumber) return Number(value.text);
  if (kind !== 'time') return Number(value);
  const text = String(value);
  // Without a zone, Date would use the zone of the browser.
  const hasZone = !text.includes('T') || text.endsWith('+00:00');
  return Date.parse(hasZone ? text : `${text}Z`) / 1000;
}
