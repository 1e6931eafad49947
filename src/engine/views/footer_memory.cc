#include "engine/views/footer_memory.h"

#include <fmt/format.h>

namespace tarn::engine {

bool IsOutOfMemory(const Error& error) {
  return error.kind == ErrorKind::kOutOfMemory ||
         error.message.find("std::bad_alloc") != std::string::npos;
}

Error FooterMemoryError(const std::string& key, uint64_t memory_limit) {
  return {ErrorKind::kOutOfMemory,
          fmt::format("object \"{}\": its footer needs more memory than the process that reads "
                      "footers has (queryd.probe_memory_limit, {} bytes): write fewer columns, row "
                      "groups or metadata into an object, or raise the setting",
                      key, memory_limit)};
}

Error SchemasMemoryError(uint64_t memory_limit) {
  return {ErrorKind::kOutOfMemory,
          fmt::format("the columns of its objects, and of the datasets that are read at the same "
                      "time, need more than half of queryd.probe_memory_limit ({} bytes): use "
                      "fewer columns, or the same ones in all objects, or raise the setting",
                      memory_limit)};
}

}  // namespace tarn::engine
