#pragma once

// Avro object container files: https://avro.apache.org/docs/1.11.1/specification/

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn::iceberg {

// Append a value in Avro's binary encoding. A record is the values of its fields, one after
// another, without anything between them.
void AppendAvroLong(std::string& out, int64_t value);            // "int", "long" and "date".
void AppendAvroBytes(std::string& out, std::string_view value);  // "bytes", and "string" in UTF-8.
// Append the branch of a union ["null", T]. The value of a T follows.
void AppendAvroNull(std::string& out);
void AppendAvroPresent(std::string& out);
// Append the number of elements of an array, which follow, and the end of an array. An empty array
// is only its end. A map with keys that are not strings is an array of records.
void AppendAvroArrayStart(std::string& out, size_t count);
void AppendAvroArrayEnd(std::string& out);

enum class AvroCodec : uint8_t { kNull, kDeflate };

// Writes a container file in memory. The same calls give the same bytes: the sync marker is a hash
// of the content.
//
// Not thread-safe.
class AvroWriter {
 public:
  // Keys and values of the header, besides avro.schema and avro.codec.
  using Metadata = std::vector<std::pair<std::string, std::string>>;

  // `schema` is the JSON of the records' schema. Attributes such as "field-id" are kept.
  AvroWriter(AvroCodec codec, std::string_view schema, const Metadata& metadata);

  // Adds an encoded record. Must match the schema, which is not checked.
  void Add(std::string_view record);

  // Returns the file. The writer must not be used after this.
  std::string Finish();

 private:
  // Records that readers decompress together.
  struct Block {
    size_t count = 0;
    std::string bytes;  // In the codec, when the block is complete.
  };

  void EndBlock();

  const AvroCodec codec_;
  std::string header_;  // Without its sync marker.
  std::vector<Block> blocks_;
  Block open_;
};

}  // namespace tarn::iceberg
