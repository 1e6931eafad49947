#include "ingest/csv_scan.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "ingest/limits.h"

namespace tarn::ingest {
namespace {

constexpr size_t kShownBytes = 60;

using Field = CsvField;

// A set of ends of lines.
constexpr uint8_t kNone = 0;
constexpr uint8_t kLf = 1;
constexpr uint8_t kCr = 2;
constexpr uint8_t kCrLf = 4;

}  // namespace

class CsvScanner::Impl {
 public:
  Impl(std::string file, CsvSyntax syntax, TextReader text, CsvRecordHook record_hook)
      : file_(std::move(file)),
        syntax_(std::move(syntax)),
        text_(std::move(text)),
        record_hook_(std::move(record_hook)) {
    for (const char c : {syntax_.delimiter, '\r', '\n'})
      ends_field_[static_cast<uint8_t>(c)] = true;
    lines_to_skip_ = syntax_.lines_to_skip;
  }

  Result<bool> ScanBlock();
  CsvScan TakeScan();

 private:
  enum class Step { kDone, kIncomplete, kBad };

  // Consume records, or a part of one, from the beginning of the buffer.
  Result<size_t> TakeRecords(std::string_view buffer, bool is_end);
  Step TakeRecord(std::string_view buffer, size_t& at, bool is_end);
  Step TakeField(std::string_view buffer, size_t& at, bool is_end);
  Step TakeQuoted(std::string_view buffer, size_t& at, bool is_end);
  Step TakeLineEnd(std::string_view buffer, size_t& at, bool is_end);
  bool SkipLine(std::string_view buffer, size_t& at, bool is_end);

  // `buffer`: begins with the next record; `checked` bytes of it are known to be UTF-8.
  Result<> CheckText(std::string_view buffer, bool is_end, size_t& checked) const;
  Result<> UseRecord(std::string_view text);
  void UseFirst();
  Error ErrorAt(uint64_t line, std::string_view fault) const {
    return InvalidArgument(fmt::format("\"{}\", line {}: {}", file_, line, fault));
  }

  const std::string file_;
  const CsvSyntax syntax_;
  TextReader text_;
  const CsvRecordHook record_hook_;
  std::string rest_;    // The text from the next record on.
  size_t checked_ = 0;  // The bytes of rest_ that are known to be UTF-8.
  size_t wanted_ = 0;   // An incomplete record is parsed again once its text has doubled.
  std::array<bool, 256> ends_field_{};
  CsvScan scan_;
  std::vector<Field> fields_;  // The current record.
  uint64_t line_ = 1;          // The line of the next record.
  uint64_t lines_in_record_ = 0;
  uint64_t lines_to_skip_ = 0;
  uint8_t line_ends_ = kNone;
  uint8_t line_end_ = kNone;  // The line end of the current record.
  bool has_first_ = false;
};

Result<> CsvScanner::Impl::CheckText(std::string_view buffer, bool is_end, size_t& checked) const {
  size_t end = buffer.size();
  // A character can continue in the next block.
  constexpr size_t kCharacterBytes = 4;
  for (size_t back = 1; !is_end && back < kCharacterBytes && checked + back <= end; ++back) {
    const auto byte = static_cast<uint8_t>(buffer[buffer.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    if (byte >= 0xC0) end = buffer.size() - back;
    break;
  }
  if (simdjson::validate_utf8(buffer.data() + checked, end - checked)) {
    checked = end;
    return {};
  }
  size_t valid = checked;
  while (const size_t length = Utf8SequenceLength(buffer.substr(valid))) valid += length;
  const auto line = line_ + std::count(buffer.begin(), buffer.begin() + valid, '\n');
  const size_t before = buffer.substr(0, valid).find_last_of("\r\n");
  const size_t position = before == std::string_view::npos ? valid : valid - before - 1;
  return ErrorAt(line, fmt::format("the byte 0x{:02X} at position {} is not UTF-8: set "
                                   "the encoding, as in --encoding windows-1252",
                                   static_cast<uint8_t>(buffer[valid]), position + 1));
}

CsvScanner::Impl::Step CsvScanner::Impl::TakeQuoted(std::string_view buffer, size_t& at,
                                                    bool is_end) {
  const size_t start = at + 1;
  const bool has_escape = syntax_.escape != syntax_.quote && syntax_.escape != 0;
  const std::string stops = has_escape ? std::string{syntax_.quote, syntax_.escape} : "";
  size_t i = start;
  for (;; i += 2) {
    i = has_escape ? buffer.find_first_of(stops, i) : buffer.find(syntax_.quote, i);
    if (i == std::string_view::npos) return is_end ? Step::kBad : Step::kIncomplete;
    if (i + 1 == buffer.size() && !is_end) return Step::kIncomplete;
    const bool is_doubled = !has_escape && i + 1 < buffer.size() && buffer[i + 1] == syntax_.quote;
    if (!is_doubled && buffer[i] == syntax_.quote) break;
  }
  const std::string_view text = buffer.substr(start, i - start);
  if (text.find_first_of("\r\n") != std::string_view::npos) {
    scan_.has_quoted_line_ends = true;
    lines_in_record_ += std::count(text.begin(), text.end(), '\n');
  }
  scan_.has_quotes = true;
  fields_.push_back({text, true});
  at = i + 1;
  const bool is_closed = at == buffer.size() || ends_field_[static_cast<uint8_t>(buffer[at])];
  return is_closed ? Step::kDone : Step::kBad;
}

CsvScanner::Impl::Step CsvScanner::Impl::TakeField(std::string_view buffer, size_t& at,
                                                   bool is_end) {
  if (at < buffer.size() && syntax_.quote != 0 && buffer[at] == syntax_.quote) {
    return TakeQuoted(buffer, at, is_end);
  }
  size_t i = at;
  while (i < buffer.size() && !ends_field_[static_cast<uint8_t>(buffer[i])]) ++i;
  if (i == buffer.size() && !is_end) return Step::kIncomplete;
  fields_.push_back({buffer.substr(at, i - at)});
  at = i;
  return Step::kDone;
}

CsvScanner::Impl::Step CsvScanner::Impl::TakeLineEnd(std::string_view buffer, size_t& at,
                                                     bool is_end) {
  line_end_ = kNone;
  if (at == buffer.size()) return is_end ? Step::kDone : Step::kIncomplete;
  if (buffer[at] == '\r') {
    if (at + 1 == buffer.size() && !is_end) return Step::kIncomplete;
    const bool has_lf = at + 1 < buffer.size() && buffer[at + 1] == '\n';
    line_end_ = has_lf ? kCrLf : kCr;
    at += has_lf ? 2 : 1;
  } else {
    line_end_ = kLf;
    ++at;
  }
  ++lines_in_record_;
  return Step::kDone;
}

CsvScanner::Impl::Step CsvScanner::Impl::TakeRecord(std::string_view buffer, size_t& at,
                                                    bool is_end) {
  fields_.clear();
  lines_in_record_ = 0;
  for (;;) {
    if (const Step step = TakeField(buffer, at, is_end); step != Step::kDone) return step;
    if (at == buffer.size() || buffer[at] != syntax_.delimiter) break;
    ++at;
  }
  return TakeLineEnd(buffer, at, is_end);
}

bool CsvScanner::Impl::SkipLine(std::string_view buffer, size_t& at, bool is_end) {
  const size_t end = buffer.find('\n', at);
  if (end == std::string_view::npos && !is_end) return false;
  at = end == std::string_view::npos ? buffer.size() : end + 1;
  ++line_;
  --lines_to_skip_;
  return true;
}

void CsvScanner::Impl::UseFirst() {
  has_first_ = true;
  scan_.first_line = line_;
  for (const Field& field : fields_) {
    scan_.first.push_back(Unescaped(field, syntax_));
  }
  scan_.columns.assign(fields_.size(), TextKinds(kValueKinds));
}

Result<> CsvScanner::Impl::UseRecord(std::string_view text) {
  const bool is_blank = fields_.size() == 1 && fields_[0].text.empty() && !fields_[0].is_quoted;
  if (!has_first_) {
    if (is_blank) return {};
    UseFirst();
    if (syntax_.has_header) {
      return record_hook_ ? record_hook_({.fields = fields_, .line = line_}) : Result<>();
    }
  }
  const size_t count = scan_.columns.size();
  if (is_blank && count > 1) return {};
  if (fields_.size() > count || (fields_.size() < count && !syntax_.may_be_short)) {
    const std::string_view shown =
        text.substr(0, std::min(text.find_first_of("\r\n"), kShownBytes));
    scan_.ragged = {line_, fields_.size(), Shortened(ToValidUtf8(shown), kShownBytes)};
    return {};
  }
  ++scan_.rows;
  if (record_hook_) return record_hook_({.fields = fields_, .line = line_});
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (!IsNull(fields_[i], syntax_)) scan_.columns[i].Add(fields_[i].text);
  }
  return {};
}

Result<size_t> CsvScanner::Impl::TakeRecords(std::string_view buffer, bool is_end) {
  size_t taken = 0;
  while (taken < buffer.size() && lines_to_skip_ > 0) {
    if (!SkipLine(buffer, taken, is_end)) return taken;
  }
  while (taken < buffer.size() && !scan_.ragged) {
    size_t at = taken;
    const Step step = TakeRecord(buffer, at, is_end);
    if (step == Step::kIncomplete) break;
    if (step == Step::kBad) {
      return ErrorAt(
          line_, at > taken && at < buffer.size() && !fields_.empty() && fields_.back().is_quoted
                     ? "there is text after a closing quote"
                     : "a quote is opened and never closed");
    }
    TARN_CHECK_OK(UseRecord(buffer.substr(taken, at - taken)));
    scan_.longest_record = std::max<uint64_t>(scan_.longest_record, at - taken);
    line_ends_ |= line_end_;
    line_ += lines_in_record_;
    taken = at;
  }
  return taken;
}

Result<bool> CsvScanner::Impl::ScanBlock() {
  TARN_TRY(const std::string_view block, text_.Next());
  const bool is_end = block.empty();
  rest_ += block;
  TARN_CHECK_OK(CheckText(rest_, is_end, checked_));
  if (rest_.size() < wanted_ && !is_end) return true;
  TARN_TRY(const size_t taken, TakeRecords(rest_, is_end));
  rest_.erase(0, taken);
  checked_ -= taken;
  wanted_ = taken == 0 ? rest_.size() * 2 : 0;
  if (rest_.size() > kRecordBytesMax) return ErrorAt(line_, "a record is larger than 256 MiB");
  return !is_end && !scan_.ragged;
}

CsvScan CsvScanner::Impl::TakeScan() {
  scan_.line_ends = line_ends_ == kCrLf                        ? LineEnds::kCrLf
                    : line_ends_ == kCr                        ? LineEnds::kCr
                    : line_ends_ == kLf || line_ends_ == kNone ? LineEnds::kLf
                                                               : LineEnds::kMixed;
  return std::move(scan_);
}

CsvScanner::CsvScanner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CsvScanner::CsvScanner(CsvScanner&&) noexcept = default;
CsvScanner& CsvScanner::operator=(CsvScanner&&) noexcept = default;
CsvScanner::~CsvScanner() = default;

Result<CsvScanner> CsvScanner::Open(const TextFile& file, const CsvSyntax& syntax, ReadHook hook,
                                    CsvRecordHook record_hook) {
  TARN_TRY(TextReader text, TextReader::Open(file, std::move(hook)));
  return CsvScanner(
      std::make_unique<Impl>(file.path, syntax, std::move(text), std::move(record_hook)));
}

Result<bool> CsvScanner::ScanBlock() { return impl_->ScanBlock(); }
CsvScan CsvScanner::TakeScan() { return impl_->TakeScan(); }

Result<CsvScan> ScanCsv(const TextFile& file, const CsvSyntax& syntax, const ReadHook& hook,
                        const CsvRecordHook& record_hook) {
  TARN_TRY(CsvScanner scanner, CsvScanner::Open(file, syntax, hook, record_hook));
  for (;;) {
    TARN_TRY(const bool has_more, scanner.ScanBlock());
    if (!has_more) return scanner.TakeScan();
  }
}

bool IsNull(const CsvField& field, const CsvSyntax& syntax) {
  if (field.is_quoted && !syntax.has_quoted_nulls) return false;
  return syntax.null_text ? field.text == *syntax.null_text : field.text.empty();
}

std::string Unescaped(const CsvField& field, const CsvSyntax& syntax) {
  if (!field.is_quoted || syntax.escape == 0) return std::string(field.text);
  std::string text;
  for (size_t i = 0; i < field.text.size(); ++i) {
    const bool is_escape =
        field.text[i] == syntax.escape && i + 1 < field.text.size() &&
        (field.text[i + 1] == syntax.quote || field.text[i + 1] == syntax.escape);
    if (is_escape) ++i;
    text += field.text[i];
  }
  return text;
}

}  // namespace tarn::ingest
