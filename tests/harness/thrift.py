"""Thrift's compact protocol for Parquet footers, to create footers that no writer creates:
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md"""

from dataclasses import dataclass

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

MAGIC = b"PAR1"
TRAILER_BYTES = 8


@dataclass
class Field:
    """A field of a struct. A struct is a list of fields, a list a pair of its type and elements."""

    id: int
    type: int
    value: object = None


def varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def encode(kind: int, value) -> bytes:
    if kind in (TRUE, FALSE):
        return bytes([kind])  # For an element. A field has it in its header.
    if kind == BYTE:
        return bytes([value & 0xFF])
    if kind in (I16, I32, I64):
        return varint(value << 1 ^ value >> 63)
    if kind == DOUBLE:
        return value
    if kind == BINARY:
        return varint(len(value)) + value
    if kind in (LIST, SET):
        element, values = value
        count = len(values)
        head = bytes([count << 4 | element]) if count < 15 else bytes([0xF0 | element])
        return head + (varint(count) if count >= 15 else b"") + encode_all(element, values)
    assert kind == STRUCT, kind
    return encode_struct(value)


def encode_all(kind: int, values) -> bytes:
    return b"".join(encode(kind, each) for each in values)


def encode_struct(fields: list[Field]) -> bytes:
    out, last = bytearray(), 0
    for field in fields:
        delta = field.id - last
        if 0 < delta < 16:
            out.append(delta << 4 | field.type)
        else:
            out.append(field.type)
            out += encode(I16, field.id)
        if field.type not in (TRUE, FALSE):
            out += encode(field.type, field.value)
        last = field.id
    return bytes([*out, 0])


class Decoder:
    """Reads values that encode() wrote."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def _signed(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)

    def value(self, kind: int, is_element: bool = False):
        if kind in (TRUE, FALSE):
            return self._take(1)[0] if is_element else None
        if kind == BYTE:
            return self._take(1)[0]
        if kind in (I16, I32, I64):
            return self._signed()
        if kind == DOUBLE:
            return self._take(8)
        if kind == BINARY:
            return self._take(self._varint())
        if kind in (LIST, SET):
            head = self._take(1)[0]
            count = head >> 4 if head >> 4 < 15 else self._varint()
            return head & 0x0F, [self.value(head & 0x0F, True) for _ in range(count)]
        assert kind == STRUCT, kind
        return self.struct()

    def struct(self) -> list[Field]:
        fields, last = [], 0
        while head := self._take(1)[0]:
            last = last + (head >> 4) if head >> 4 else self._signed()
            fields.append(Field(last, head & 0x0F, self.value(head & 0x0F)))
        return fields


def footer_of(parquet: bytes) -> bytes:
    length = int.from_bytes(parquet[-8:-4], "little")
    return parquet[-TRAILER_BYTES - length : -TRAILER_BYTES]


def with_footer(parquet: bytes, footer: bytes) -> bytes:
    """Returns the file with another footer."""
    data = parquet[: -TRAILER_BYTES - len(footer_of(parquet))]
    return data + footer + len(footer).to_bytes(4, "little") + MAGIC


def schema_element(name: str, children: int = 0) -> bytes:
    """Returns an optional INT32, or a group."""
    fields = [] if children else [Field(1, I32, 1)]
    fields += [Field(3, I32, 1), Field(4, BINARY, name.encode())]
    return encode_struct(fields + ([Field(5, I32, children)] if children else []))


def nested_file(depth: int) -> bytes:
    """Returns a Parquet file without rows, with one column within nested structs."""
    elements = [
        schema_element("root", 1),
        *[schema_element("s", 1)] * depth,
        schema_element("leaf"),
    ]
    head = bytes([0xF0 | STRUCT]) + varint(len(elements))
    # FileMetaData: version, schema, num_rows, row_groups.
    footer = b"\x15\x02\x19" + head + b"".join(elements) + b"\x16\x00\x19\x0c\x00"
    return MAGIC + footer + len(footer).to_bytes(4, "little") + MAGIC
