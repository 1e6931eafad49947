#include "cli/up/workspace.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/text.h"

namespace tarn::cli {

namespace fs = std::filesystem;

Result<Workspace> Workspace::Make() {
  std::error_code code;
  const fs::path folder = fs::temp_directory_path(code);
  if (code) return Unavailable(fmt::format("TMPDIR: {}", code.message()));
  std::string path = (folder / "tarn-put-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    return Unavailable(
        fmt::format("cannot create a folder in {}: {}", folder.string(), std::strerror(errno)));
  }
  return Workspace(path);
}

Result<Workspace> Workspace::MakeIn(const fs::path& folder) {
  const fs::path path = folder / (".tarn-put-" + RandomId());
  std::error_code code;
  // Not mkdtemp(): this folder has the usual permissions, because its content is moved out of it.
  fs::create_directories(path, code);
  if (code) {
    return Unavailable(
        fmt::format("cannot create a folder in {}: {}", folder.string(), code.message()));
  }
  return Workspace(path);
}

Workspace::~Workspace() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace tarn::cli
