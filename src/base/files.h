#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace tarn {

// Reads the whole file. The error has the path and the system's reason.
Result<std::string> ReadFile(const std::string& path);

// The first bytes of a file, at most `bytes`; empty if the file cannot be read.
std::string FirstBytes(const std::string& path, size_t bytes);

// Like ReadFile, for a file with credentials: fails if group or others have any access.
Result<std::string> ReadSecretFile(const std::string& path);

// The folder of the running program.
std::filesystem::path ProgramDirectory();

}  // namespace tarn
