#include "ingest/csv_rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tarn::ingest {
namespace {

void AppendField(std::string_view text, bool is_quoted, std::string& record) {
  // At the beginning of a file, a byte order mark would not be a part of the value.
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (!is_quoted && !text.starts_with(kMark) &&
      text.find_first_of(",\"\r\n") == std::string_view::npos) {
    record += text;
    return;
  }
  record += '"';
  for (const char c : text) {
    if (c == '"') record += '"';
    record += c;
  }
  record += '"';
}

}  // namespace

Result<uint64_t> RewriteCsv(const TextFile& file, const CsvSyntax& syntax, const std::string& out,
                            const ReadHook& hook) {
  const auto failed = [&out] {
    return Unavailable(fmt::format("{}: {}", out, std::strerror(errno)));
  };
  std::unique_ptr<FILE, int (*)(FILE*)> written(std::fopen(out.c_str(), "wbxe"), &std::fclose);
  if (written == nullptr) return failed();
  uint64_t longest = 0;
  std::string record;
  const auto write = [&](const CsvRecord& read) -> Result<> {
    record.clear();
    for (size_t i = 0; i < read.fields.size(); ++i) {
      if (i > 0) record += ',';
      AppendField(Unescaped(read.fields[i], syntax), read.fields[i].is_quoted, record);
    }
    record += '\n';
    longest = std::max<uint64_t>(longest, record.size());
    const bool is_written =
        std::fwrite(record.data(), 1, record.size(), written.get()) == record.size();
    return is_written ? Result<>() : Result<>(failed());
  };
  TARN_TRY(const CsvScan scan, ScanCsv(file, syntax, hook, write));
  if (scan.ragged) {
    return Error{ErrorKind::kStale, "the file has changed while it was read: repeat the command"};
  }
  if (std::fclose(written.release()) != 0) return failed();
  return longest;
}

}  // namespace tarn::ingest
