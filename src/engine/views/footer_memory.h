#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tarn::engine {

// True if there was too little memory to read a footer. DuckDB reports an allocation that the
// system refuses by the name of the C++ exception.
bool IsOutOfMemory(const Error& error);

// The error for users. `memory_limit` is the value of queryd.probe_memory_limit.
Error FooterMemoryError(const std::string& key, uint64_t memory_limit);

// The error for a dataset whose objects have too many columns, together with the datasets that are
// read at the same time.
Error SchemasMemoryError(uint64_t memory_limit);

}  // namespace tarn::engine
