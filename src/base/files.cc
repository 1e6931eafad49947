#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tarn {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error SystemError(const std::string& path) {
  const int code = errno;
  return {code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kInternal,
          fmt::format("cannot read {}: {}", path, std::strerror(code))};
}

// Checks the permissions of the open descriptor, because the file at the path may be replaced.
Result<std::string> Read(const std::string& path, bool secret) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError(path);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return SystemError(path);
  if (S_ISDIR(status.st_mode)) {
    return InvalidArgument(fmt::format("cannot read {}: it is a folder", path));
  }
  if (secret && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return InvalidArgument(fmt::format(
        "{} holds credentials, but its mode {:04o} gives access to other users: run chmod 600 {}",
        path, status.st_mode & 07777, path));
  }
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
}

}  // namespace

Result<std::string> ReadFile(const std::string& path) { return Read(path, false); }

Result<std::string> ReadSecretFile(const std::string& path) { return Read(path, true); }

std::filesystem::path ProgramDirectory() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return program.parent_path();
}

std::string FirstBytes(const std::string& path, size_t bytes) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  std::string start(bytes, '\0');
  start.resize(file == nullptr ? 0 : std::fread(start.data(), 1, bytes, file.get()));
  return start;
}

}  // namespace tarn
