#include "ingest/text_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace tarn::ingest {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16LittleMark = "\xFF\xFE";
constexpr std::string_view kUtf16BigMark = "\xFE\xFF";

// iconv's name of an encoding; empty for UTF-8.
std::string IconvName(const std::string& name) {
  const std::string lower = ToLowerAscii(name);
  if (lower == "utf-8" || lower == "utf8") return "";
  if (lower == "latin-1" || lower == "latin_1") return "ISO-8859-1";
  if (lower.starts_with("windows") && lower.find('-') == std::string::npos) {
    return "WINDOWS-" + lower.substr(std::string_view("windows").size());
  }
  return name;
}

}  // namespace

bool IsEncoding(const std::string& name) {
  const std::string known = IconvName(name);
  if (known.empty()) return !name.empty();
  iconv_t converter = iconv_open("UTF-8", known.c_str());
  // NOLINTNEXTLINE(performance-no-int-to-ptr): iconv's own value for an error.
  if (converter == reinterpret_cast<iconv_t>(-1)) return false;
  iconv_close(converter);
  return true;
}

Result<TextReader> TextReader::Open(const TextFile& file, ReadHook hook) {
  TARN_TRY(ByteReader bytes, ByteReader::Open(file.path, std::move(hook), file.block_bytes));
  TextReader reader(file.path, std::move(bytes));
  TARN_CHECK_OK(reader.Start(file.encoding));
  return reader;
}

Result<> TextReader::Start(const std::string& encoding) {
  encoding_ = encoding.empty() ? "" : IconvName(encoding);
  while (pending_.size() < kUtf8Mark.size()) {
    TARN_TRY(const std::string_view more, bytes_.Next());
    if (more.empty()) break;
    pending_ += more;
  }
  if (encoding.empty() && pending_.starts_with(kUtf16LittleMark)) encoding_ = "UTF-16LE";
  if (encoding.empty() && pending_.starts_with(kUtf16BigMark)) encoding_ = "UTF-16BE";
  const bool is_utf16 =
      pending_.starts_with(kUtf16LittleMark) || pending_.starts_with(kUtf16BigMark);
  if (encoding_.empty() && is_utf16) {
    return InvalidArgument(
        fmt::format("\"{}\" begins with the byte order mark of UTF-16: leave out --encoding {}",
                    path_, encoding));
  }
  if (encoding_.empty()) {
    if (pending_.starts_with(kUtf8Mark)) pending_.erase(0, kUtf8Mark.size());
    return {};
  }
  iconv_t converter = iconv_open("UTF-8", encoding_.c_str());
  // NOLINTNEXTLINE(performance-no-int-to-ptr): iconv's own value for an error.
  if (converter == reinterpret_cast<iconv_t>(-1)) {
    return InvalidArgument(fmt::format(
        "--encoding {}: unknown encoding; write one such as latin-1, windows-1252 or utf-16",
        encoding));
  }
  converter_.reset(converter);
  return {};
}

Error TextReader::NotTextError() const {
  return InvalidArgument(
      fmt::format("\"{}\", line {}: the byte 0x{:02X} is not {}; --encoding "
                  "names another encoding",
                  path_, lines_ + std::count(converted_.begin(), converted_.end(), '\n'),
                  static_cast<unsigned char>(rest_.front()), encoding_));
}

Result<> TextReader::Convert(std::string_view bytes) {
  rest_ += bytes;
  char* in = rest_.data();
  size_t in_left = rest_.size();
  constexpr size_t kGrowth = 3;  // The maximum number of UTF-8 bytes for one byte.
  converted_.resize(rest_.size() * kGrowth);
  char* out = converted_.data();
  size_t out_left = converted_.size();
  const size_t status = iconv(converter_.get(), &in, &in_left, &out, &out_left);
  const int reason = status == static_cast<size_t>(-1) ? errno : 0;
  converted_.resize(converted_.size() - out_left);
  rest_.erase(0, rest_.size() - in_left);
  if (reason == EILSEQ || (bytes.empty() && !rest_.empty())) return NotTextError();
  if (!is_started_ && !converted_.empty()) {
    is_started_ = true;
    if (converted_.starts_with(kUtf8Mark)) converted_.erase(0, kUtf8Mark.size());
  }
  return {};
}

Result<std::string_view> TextReader::Next() {
  if (converter_ == nullptr) {
    if (!pending_.empty()) {
      converted_ = std::exchange(pending_, {});
      return std::string_view(converted_);
    }
    return bytes_.Next();
  }
  lines_ += std::count(converted_.begin(), converted_.end(), '\n');
  for (;;) {
    converted_.clear();
    const std::string first = std::exchange(pending_, {});
    std::string_view bytes = first;
    if (first.empty()) {
      TARN_TRY(bytes, bytes_.Next());
    }
    const bool is_end = bytes.empty();
    TARN_CHECK_OK(Convert(bytes));
    if (is_end || !converted_.empty()) return std::string_view(converted_);
  }
}

Result<bool> ConvertToUtf8(const TextFile& file, const std::string& out, const ReadHook& hook) {
  TARN_TRY(TextReader text, TextReader::Open(file, hook));
  if (!text.is_converted()) return false;
  const auto failed = [&out] {
    return Unavailable(fmt::format("{}: {}", out, std::strerror(errno)));
  };
  std::unique_ptr<FILE, int (*)(FILE*)> written(std::fopen(out.c_str(), "wbxe"), &std::fclose);
  if (written == nullptr) return failed();
  for (;;) {
    TARN_TRY(const std::string_view bytes, text.Next());
    if (bytes.empty()) break;
    if (std::fwrite(bytes.data(), 1, bytes.size(), written.get()) != bytes.size()) return failed();
  }
  if (std::fclose(written.release()) != 0) return failed();
  return true;
}

}  // namespace tarn::ingest
