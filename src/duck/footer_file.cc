#include "duck/footer_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>

namespace tarn::duck {
namespace {

constexpr std::string_view kMagic = "PAR1";
// The length of the footer, and the magic bytes.
constexpr size_t kTrailerBytes = 8;
// Larger than most footers.
constexpr size_t kGuessBytes = 32 * 1024;

Error SystemError(const char* call) {
  return Internal(fmt::format("{}: {}", call, std::strerror(errno)));
}

}  // namespace

Error FooterTooLongError() {
  return InvalidArgument("its footer is damaged (it is longer than the object): write it again");
}

Result<FooterFile> FooterFile::Make(const FooterLimits& limits) {
  const int descriptor = memfd_create("parquet footer", MFD_CLOEXEC);
  if (descriptor < 0) return SystemError("memfd_create");
  return FooterFile(descriptor, limits);
}

FooterFile::FooterFile(FooterFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      limits_(other.limits_),
      metadata_(std::move(other.metadata_)) {}

FooterFile& FooterFile::operator=(FooterFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(limits_, other.limits_);
  std::swap(metadata_, other.metadata_);
  return *this;
}

FooterFile::~FooterFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<size_t> FooterFile::Put(std::string_view object_end) {
  if (object_end.size() < kMagic.size() + kTrailerBytes || !object_end.ends_with(kMagic)) {
    return NotFound("it does not end like a Parquet file");
  }
  uint32_t footer_bytes = 0;  // Little-endian, as are all supported machines.
  std::memcpy(&footer_bytes, object_end.end() - kTrailerBytes, sizeof(footer_bytes));
  if (footer_bytes > limits_.bytes_max) {
    return Error{ErrorKind::kTooLarge, fmt::format("its footer has {} bytes, and at most {} are "
                                                   "supported (queryd.footer_bytes_max)",
                                                   footer_bytes, limits_.bytes_max)};
  }
  const size_t needed = footer_bytes + kTrailerBytes;
  if (object_end.size() < needed) return needed;
  const std::string_view end = object_end.substr(object_end.size() - needed);
  TARN_TRY(metadata_, ReadFooterMetadata(end.substr(0, footer_bytes), limits_));
  std::array<iovec, 2> parts = {{{const_cast<char*>(kMagic.data()), kMagic.size()},
                                 {const_cast<char*>(end.data()), end.size()}}};
  if (ftruncate(descriptor_, 0) != 0) return SystemError("ftruncate");
  const ssize_t written = pwritev(descriptor_, parts.data(), parts.size(), 0);
  if (written < 0) return SystemError("pwritev");
  if (static_cast<size_t>(written) != kMagic.size() + end.size()) {
    return Internal("a footer was written in part");
  }
  return 0;
}

void FooterFile::Clear() {
  if (ftruncate(descriptor_, 0) != 0) return;  // Put replaces the content anyway.
  metadata_ = {};
}

Result<> FooterFile::Load(const std::string& path,
                          const std::function<Result<>(size_t footer_bytes)>& before_long) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff file_bytes = file.tellg();
  if (!file || file_bytes < 0) return Unavailable("the file cannot be read");
  for (size_t bytes = kGuessBytes;;) {
    std::string end(std::min(bytes, static_cast<size_t>(file_bytes)), '\0');
    file.seekg(file_bytes - static_cast<std::streamoff>(end.size()));
    if (!file.read(end.data(), static_cast<std::streamsize>(end.size()))) {
      return Unavailable("the file cannot be read");
    }
    TARN_TRY(const size_t needed, Put(end));
    if (needed == 0) return {};
    if (needed > static_cast<size_t>(file_bytes)) return FooterTooLongError();
    if (before_long) TARN_CHECK_OK(before_long(needed));
    bytes = needed;
  }
}

std::string FooterFile::Path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

}  // namespace tarn::duck
