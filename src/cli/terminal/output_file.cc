#include "cli/terminal/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "base/text.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// Returns the descriptor of "/dev/stdout", "/dev/fd/3" and similar paths, or -1 for other paths. To
// open the file again would write at its start, and to rename it would detach other writers.
int DescriptorOf(std::string_view path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    int descriptor = -1;
    const std::string_view number =
        path.starts_with(folder) ? path.substr(folder.size()) : std::string_view();
    const char* end = number.data() + number.size();
    if (!number.empty() && std::from_chars(number.data(), end, descriptor).ptr == end) {
      return descriptor;
    }
  }
  return -1;
}

}  // namespace

Result<OutputFile> OutputFile::Open(const std::string& path) {
  if (path.empty()) return OutputFile(File(stdout, [](FILE*) { return 0; }), "", "");
  if (const int descriptor = DescriptorOf(path); descriptor >= 0) {
    File file(fdopen(dup(descriptor), "wb"), &std::fclose);
    if (file == nullptr) {
      return InvalidArgument(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
    }
    return OutputFile(std::move(file), path, "");
  }
  std::error_code code;
  // Writes to the target of a link, so that the link stays.
  fs::path target = fs::weakly_canonical(path, code);
  if (code) target = path;
  const fs::file_status there = fs::status(target, code);
  const bool is_stream = fs::exists(there) && !fs::is_regular_file(there);
  std::string unfinished;
  if (!is_stream) {
    unfinished = (target.parent_path() /
                  fmt::format(".{}.{}", target.filename().string(), RandomId().substr(0, 8)))
                     .string();
  }
  File file(std::fopen(is_stream ? path.c_str() : unfinished.c_str(), "wbe"), &std::fclose);
  if (file == nullptr) {
    return InvalidArgument(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  // Keeps the permissions of the former file.
  if (!is_stream && fs::exists(there)) {
    fchmod(fileno(file.get()), static_cast<mode_t>(there.permissions()));
  }
  return OutputFile(std::move(file), is_stream ? path : target.string(), std::move(unfinished));
}

OutputFile::~OutputFile() {
  std::error_code ignored;
  if (!unfinished_.empty()) fs::remove(unfinished_, ignored);
}

Error OutputFile::WriteError() const {
  return Unavailable(
      fmt::format("cannot write {}: {}", path_.empty() ? "stdout" : path_, std::strerror(errno)));
}

Result<> OutputFile::Write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size()) return {};
  return WriteError();
}

Result<> OutputFile::Finish() {
  if (std::fflush(file_.get()) != 0) return WriteError();
  if (unfinished_.empty()) return {};
  if (std::fclose(file_.release()) != 0) return WriteError();
  std::error_code code;
  fs::rename(unfinished_, path_, code);
  if (code) return Unavailable(fmt::format("cannot write {}: {}", path_, code.message()));
  unfinished_.clear();
  return {};
}

}  // namespace tarn::cli
