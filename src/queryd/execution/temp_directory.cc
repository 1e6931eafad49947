#include "queryd/execution/temp_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

namespace tarn::queryd {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "tarn-spill-";

// Returns true for the folder of a queryd that no longer runs.
bool IsLeftOver(const fs::path& path) {
  const std::string name = path.filename();
  if (!name.starts_with(kPrefix)) return false;
  pid_t pid = 0;
  const char* end = name.data() + name.size();
  const auto [read, code] = std::from_chars(name.data() + kPrefix.size(), end, pid);
  return code == std::errc() && read == end && pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

Result<TempDirectory> TempDirectory::Make(const std::string& parent) {
  std::error_code code;
  const fs::path folder = parent.empty() ? fs::temp_directory_path(code) : fs::path(parent);
  fs::create_directories(folder, code);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    std::error_code ignored;
    if (IsLeftOver(entry.path())) fs::remove_all(entry.path(), ignored);
  }
  const fs::path path = fs::absolute(folder, code) / fmt::format("{}{}", kPrefix, getpid());
  fs::remove_all(path, code);
  if (mkdir(path.c_str(), S_IRWXU) != 0) {
    return InvalidArgument(fmt::format("queryd.temp_directory: cannot make {}: {}", path.string(),
                                       std::error_code(errno, std::generic_category()).message()));
  }
  return TempDirectory(path);
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace tarn::queryd
