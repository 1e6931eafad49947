import { DataType, TimeUnit, Type, Vector, type Data } from 'apache-arrow/Arrow.dom';
import { dateText, decimalText, timestampText, timeText } from './temporal';

/** What a value is to people, and so how it is shown. */
export type Kind = 'number' | 'text' | 'boolean' | 'time' | 'binary' | 'nested';

/** A number that JavaScript's own would not hold with every digit. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

/** Dates and times are texts, as POST /sql has them in JSON. */
export type Value =
  | null
  | boolean
  | number
  | string
  | ExactNumber
  | Uint8Array
  | Value[]
  | { [name: string]: Value };

// They come as text, because Arrow cannot hold them.
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

// Arrow's own access to the simpler types; made once for each batch and column.
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

export function readValue(data: Data, row: number): Value {
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
    return entriesOf(data, row).map((entry) => {
      const { key, value } = entry as { key: Value; value: Value };
      return [key, value];
    });
  }
  if (DataType.isList(type)) return entriesOf(data, row);
  if (DataType.isFixedSizeList(type)) {
    const size = type.listSize;
    return Array.from({ length: size }, (_, i) => readValue(data.children[0], row * size + i));
  }
  if (DataType.isStruct(type)) {
    const names = type.children.map((field) => field.name);
    return Object.fromEntries(names.map((name, i) => [name, readValue(data.children[i], row)]));
  }
  const value = plainValue(data, row);
  return typeof value === 'bigint' ? new ExactNumber(String(value)) : (value as Value);
}

function entriesOf(data: Data, row: number): Value[] {
  const offsets = data.valueOffsets as Int32Array;
  const [child] = data.children;
  const entries: Value[] = [];
  for (let i = offsets[row]; i < offsets[row + 1]; ++i) {
    // A map's entry is a struct, whose fields are named as the writer liked.
    if (DataType.isMap(data.type)) {
      const [key, value] = child.children;
      entries.push({ key: readValue(key, i), value: readValue(value, i) });
    } else {
      entries.push(readValue(child, i));
    }
  }
  return entries;
}

/** `indent` lays nested values out, two spaces a level. */
export function valueText(value: Value, indent = false): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return bytesText(value);
  return jsonText(value, indent ? '\n' : '');
}

/** JSON.stringify() with numbers that have all their digits. */
function jsonText(value: Value, newLine: string): string {
  if (value instanceof ExactNumber) return value.text;
  if (value instanceof Uint8Array) return JSON.stringify(bytesText(value));
  // Not JSON, which has no such numbers, but what people know them by.
  if (typeof value === 'number') return String(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const deeper = newLine === '' ? '' : `${newLine}  `;
  const space = newLine === '' ? '' : ' ';
  const parts = Array.isArray(value)
    ? value.map((part) => jsonText(part, deeper))
    : Object.entries(value).map(
        ([name, part]) => `${JSON.stringify(name)}:${space}${jsonText(part, deeper)}`,
      );
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return open + close;
  return open + deeper + parts.join(`,${deeper}`) + newLine + close;
}

/** As DuckDB shows a BLOB: printable ASCII as it is, all else as \x41. */
function bytesText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** Where it stands on an axis; dates and times in seconds since 1970. NaN: nowhere. */
export function numberOf(value: Value, kind: Kind): number {
  if (value === null) return NaN;
  if (value instanceof ExactNumber) return Number(value.text);
  if (kind !== 'time') return Number(value);
  const text = String(value);
  // Without a zone, Date would take the one of this machine.
  const hasZone = !text.includes('T') || text.endsWith('+00:00');
  return Date.parse(hasZone ? text : `${text}Z`) / 1000;
}
