#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace tarn {

// The whole file. The error names the file and the system's reason.
Result<std::string> ReadFile(const std::string& path);

// At most so many bytes of its beginning; none of a file that cannot be read.
std::string FirstBytes(const std::string& path, size_t bytes);

// As ReadFile, for a file with credentials: refused when its group or others may read it.
Result<std::string> ReadSecretFile(const std::string& path);

// The folder that the running program's file is in.
std::filesystem::path ProgramDirectory();

}  // namespace tarn
