#pragma once

// The bytes of a file, unpacked where gzip or zstd has packed it.

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::ingest {

enum class Packing { kNone, kGzip, kZstd };

// By the ending of a name, as DuckDB knows them: .gz, .zst.
Packing PackingOf(std::string_view name);
// By the first bytes of a content (RFC 1952, 2.3.1; RFC 8878, 3.1.1).
Packing PackingOfContent(std::string_view first_bytes);
// Of a file, by its content or else its name.
Packing PackingOfFile(const std::string& path);

// Is told how many more bytes of a file were read; its error ends the reading.
using ReadHook = std::function<Result<>(uint64_t bytes)>;

class Unpacker;

// Reads a file from its beginning to its end. A packed file that is cut off or damaged is an error:
// DuckDB 1.5 takes the rows of one that is cut off, or does not fit its checksum, for all of them.
class ByteReader {
 public:
  static Result<ByteReader> Open(const std::string& path, ReadHook hook);
  ByteReader(ByteReader&&) noexcept;
  ByteReader& operator=(ByteReader&&) noexcept;
  ~ByteReader();

  // The next bytes, valid until the next call; empty at the end.
  Result<std::string_view> Next();

 private:
  ByteReader(const std::string& path, FILE* file, Packing packing, ReadHook hook);
  Result<std::string_view> NextBlock();

  std::string path_;
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
  Packing packing_;
  ReadHook hook_;
  std::unique_ptr<Unpacker> unpacker_;  // None of a file that is not packed.
  std::vector<char> block_;
};

// Reads all of a packed file without keeping anything of it.
Result<> CheckPacked(const std::string& path, const ReadHook& hook);

}  // namespace tarn::ingest
