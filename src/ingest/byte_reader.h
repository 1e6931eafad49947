#pragma once

// Reads the bytes of files, also of files that gzip or zstd compressed.

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/limits.h"

namespace tarn::ingest {

enum class Packing { kNone, kGzip, kZstd };

// By the extension of a name, like DuckDB: .gz, .zst.
Packing PackingOf(std::string_view name);
// By the first bytes of the content (RFC 1952, 2.3.1; RFC 8878, 3.1.1).
Packing PackingOfContent(std::string_view first_bytes);
// By the content of a file, or else by its name.
Packing PackingOfFile(const std::string& path);

// Called with the number of bytes that were read since the last call. An error ends the reading.
using ReadHook = std::function<Result<>(uint64_t bytes)>;

class Unpacker;

// Reads a file from its beginning to its end. A compressed file that is truncated or damaged is an
// error. DuckDB 1.5 reads such a file without an error and returns the rows before the damage.
class ByteReader {
 public:
  static Result<ByteReader> Open(const std::string& path, ReadHook hook,
                                 size_t block_bytes = kBlockBytes);
  ByteReader(ByteReader&&) noexcept;
  ByteReader& operator=(ByteReader&&) noexcept;
  ~ByteReader();

  // The next bytes, valid until the next call; empty at the end.
  Result<std::string_view> Next();

 private:
  ByteReader(const std::string& path, FILE* file, Packing packing, ReadHook hook,
             size_t block_bytes);
  Result<std::string_view> NextBlock();

  std::string path_;
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
  Packing packing_;
  ReadHook hook_;
  std::unique_ptr<Unpacker> unpacker_;  // Null for a file that is not compressed.
  std::vector<char> block_;
};

// Reads a compressed file to its end and discards the bytes.
Result<> CheckPacked(const std::string& path, const ReadHook& hook);

}  // namespace tarn::ingest
