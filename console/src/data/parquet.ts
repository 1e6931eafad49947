import { DataType, TimeUnit, type Data, type Field } from 'apache-arrow/Arrow.dom';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openArrow } from './arrow_stream';
import { decimalUnscaled, isInfinite } from './temporal';
import { readValue, valueText } from './values';

/** The Parquet type for one Arrow type, and the conversion of its values. */
interface Encoding {
  element: Omit<SchemaElement, 'name'>;
  read: (data: Data, row: number) => unknown;
}

/** Makes a Parquet file of all rows of an Arrow stream. Nested values become JSON text. */
export async function parquetOf(arrow: Response): Promise<Blob> {
  const { fields, batches } = await openArrow(arrow);
  const encodings = fields.map((field) => encodingOf(field.type as DataType));
  const columns: unknown[][] = fields.map(() => []);
  for await (const batch of batches) {
    encodings.forEach(({ read }, index) => {
      const data = batch.data.children[index];
      for (let row = 0; row < batch.numRows; ++row) {
        columns[index].push(data.getValid(row) ? read(data, row) : null);
      }
    });
  }
  const names = uniqueNames(fields);
  const schema: SchemaElement[] = [
    { name: 'root', num_children: fields.length },
    ...encodings.map(({ element }, index) => ({
      ...element,
      name: names[index],
      repetition_type: 'OPTIONAL' as const,
    })),
  ];
  const columnData = columns.map((data, index) => ({ name: names[index], data }));
  return new Blob([parquetWriteBuffer({ schema, columnData })]);
}

function raw(data: Data, row: number): unknown {
  return (data.values as ArrayLike<unknown>)[row];
}

function encodingOf(type: DataType): Encoding {
  if (DataType.isBool(type)) return { element: { type: 'BOOLEAN' }, read: readValue };
  if (DataType.isInt(type)) {
    const wide = type.bitWidth === 64 || (type.bitWidth === 32 && !type.isSigned);
    if (!wide) return { element: { type: 'INT32' }, read: raw };
    const read = (data: Data, row: number) => BigInt(raw(data, row) as number | bigint);
    return type.bitWidth === 64 && !type.isSigned
      ? { element: { type: 'INT64', converted_type: 'UINT_64' }, read }
      : { element: { type: 'INT64' }, read };
  }
  if (DataType.isFloat(type)) {
    return { element: { type: type.precision === 1 ? 'FLOAT' : 'DOUBLE' }, read: raw };
  }
  if (DataType.isDecimal(type)) {
    const { precision, scale } = type;
    return {
      element: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, converted_type: 'DECIMAL', precision, scale },
      read: (data, row) => decimalUnscaled((data.values as Uint32Array).subarray(row * 4, row * 4 + 4)),
    };
  }
  if (DataType.isDate(type)) return { element: { type: 'INT32', converted_type: 'DATE' }, read: raw };
  if (DataType.isTimestamp(type) || DataType.isTime(type)) {
    const isTime = DataType.isTime(type);
    const unit = type.unit === TimeUnit.NANOSECOND ? 'NANOS' : 'MICROS';
    const factor =
      { [TimeUnit.SECOND]: 1_000_000n, [TimeUnit.MILLISECOND]: 1_000n }[type.unit as number] ?? 1n;
    return {
      element: {
        type: 'INT64',
        logical_type: {
          type: isTime ? 'TIME' : 'TIMESTAMP',
          isAdjustedToUTC: !isTime && Boolean((type as { timezone?: string | null }).timezone),
          unit,
        },
      },
      read: (data, row) => {
        const value = BigInt(raw(data, row) as number | bigint);
        // DuckDB represents infinity by the same number in all units.
        return isInfinite(value) ? value : value * factor;
      },
    };
  }
  if (DataType.isBinary(type)) return { element: { type: 'BYTE_ARRAY' }, read: readValue };
  return {
    element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    read: (data, row) => valueText(readValue(data, row)),
  };
}

/** Renames repeated columns, because Parquet identifies a column by its name. */
function uniqueNames(fields: Field[]): string[] {
  const taken = new Set<string>();
  return fields.map(({ name }) => {
    let unique = name;
    for (let i = 1; taken.has(unique); ++i) unique = `${name}_${i}`;
    taken.add(unique);
    return unique;
  });
}
