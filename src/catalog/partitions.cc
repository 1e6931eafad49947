#include "catalog/partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace tarn::catalog {
namespace {

struct NamedValue {
  std::string_view name;
  std::string_view value;
};

// Parses "name=value"; returns nullopt for other folder names.
std::optional<NamedValue> ToNamedValue(std::string_view folder) {
  const size_t equals = folder.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return NamedValue{folder.substr(0, equals), folder.substr(equals + 1)};
}

std::string_view FolderOf(std::string_view key) {
  const size_t slash = key.rfind('/');
  return key.substr(0, slash == std::string_view::npos ? 0 : slash + 1);
}

// The longest common folder of all keys: empty, or ends in '/'.
std::string_view CommonFolder(const std::vector<std::string>& keys) {
  std::string_view common = FolderOf(keys.front());
  for (const std::string& key : keys) {
    const auto [end, ignored] = std::mismatch(common.begin(), common.end(), key.begin(), key.end());
    common = FolderOf(common.substr(0, static_cast<size_t>(end - common.begin())));
  }
  return common;
}

// Returns the end of the first folder with this name.
std::optional<size_t> EndOfNamedFolder(std::string_view folder, std::string_view name) {
  size_t begin = 0;
  for (size_t end = folder.find('/'); end != std::string_view::npos;
       end = folder.find('/', begin)) {
    if (folder.substr(begin, end - begin) == name) return end + 1;
    begin = end + 1;
  }
  return std::nullopt;
}

std::string_view WithoutNamedValuesAtEnd(std::string_view folder) {
  while (!folder.empty()) {
    const std::string_view parent = FolderOf(folder.substr(0, folder.size() - 1));
    if (!ToNamedValue(folder.substr(parent.size(), folder.size() - 1 - parent.size()))) break;
    folder = parent;
  }
  return folder;
}

std::string_view DatasetPrefix(const std::string& dataset, const std::vector<std::string>& keys) {
  const std::string_view common = CommonFolder(keys);
  if (const auto end = EndOfNamedFolder(common, dataset)) return common.substr(0, *end);
  // A single object named after the dataset.
  if (keys.size() == 1 && keys.front().substr(common.size()) == dataset + ".parquet") return common;
  return WithoutNamedValuesAtEnd(common);
}

std::vector<NamedValue> NamedValuesOf(std::string_view path) {
  std::vector<NamedValue> values;
  size_t begin = 0;
  for (size_t end = path.find('/'); end != std::string_view::npos; end = path.find('/', begin)) {
    if (const auto value = ToNamedValue(path.substr(begin, end - begin))) values.push_back(*value);
    begin = end + 1;
  }
  return values;
}

// Percent-decodes a text. Returns it unchanged if the result is not valid UTF-8 or has a NUL, which
// SQL names cannot contain.
std::string DecodeIfValid(std::string_view text) {
  const std::optional<std::string> decoded = PercentDecode(text);
  const bool is_text = decoded && IsValidUtf8(*decoded) && decoded->find('\0') == std::string::npos;
  return is_text ? *decoded : std::string(text);
}

// True for a valid date in the form "2026-01-31".
bool IsDate(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !is_digit : text[i] != '-') return false;
  }
  const auto number = [&](size_t begin, size_t count) {
    int value = 0;
    for (const char c : text.substr(begin, count)) value = 10 * value + (c - '0');
    return value;
  };
  return std::chrono::year_month_day(std::chrono::year(number(0, 4)),
                                     std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                     std::chrono::day(static_cast<unsigned>(number(8, 2))))
      .ok();
}

// True for an integer in canonical form that fits BIGINT: "007" and "-0" are text.
bool IsBigint(std::string_view text) {
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() && fmt::to_string(number) == text;
}

// Finds the narrowest type for a set of values.
class TypeOfValues {
 public:
  void Add(std::string_view text) {
    if (text == kNullPartition) return;
    const std::string value = DecodeIfValid(text);
    has_values_ = true;
    all_dates_ = all_dates_ && IsDate(value);
    all_numbers_ = all_numbers_ && IsBigint(value);
  }

  std::string Name() const {
    if (has_values_ && all_dates_) return "DATE";
    if (has_values_ && all_numbers_) return "BIGINT";
    return "VARCHAR";
  }

 private:
  bool has_values_ = false;
  bool all_dates_ = true;
  bool all_numbers_ = true;
};

bool HaveSameNames(const std::vector<NamedValue>& a, const std::vector<NamedValue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const NamedValue& x, const NamedValue& y) { return x.name == y.name; });
}

// "day, hour"; "no partitions" for an empty list.
std::string NamesOf(const std::vector<NamedValue>& values) {
  std::string names;
  for (const NamedValue& value : values) {
    names += (names.empty() ? "" : ", ") + DecodeIfValid(value.name);
  }
  return names.empty() ? "no partitions" : names;
}

// Returns a name that occurs twice in one key, if any.
std::optional<std::string> RepeatedName(const std::vector<NamedValue>& values) {
  std::vector<std::string> names;
  for (const NamedValue& value : values) {
    std::string name = ToLowerAscii(DecodeIfValid(value.name));
    if (std::find(names.begin(), names.end(), name) != names.end())
      return DecodeIfValid(value.name);
    names.push_back(std::move(name));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> PartitionValue(std::string_view path, std::string_view key_name) {
  for (const NamedValue& value : NamedValuesOf(path)) {
    if (value.name != key_name) continue;
    if (value.value == kNullPartition) return std::nullopt;
    return DecodeIfValid(value.value);
  }
  return std::nullopt;
}

Partitions FindPartitions(const std::string& dataset, const std::vector<std::string>& keys) {
  Partitions found{
      .prefix = std::string(DatasetPrefix(dataset, keys)), .columns = {}, .problem = ""};
  const auto path_of = [&](const std::string& key) {
    return std::string_view(key).substr(found.prefix.size());
  };
  const std::vector<NamedValue> first = NamedValuesOf(path_of(keys.front()));
  std::vector<TypeOfValues> types(first.size());
  for (const std::string& key : keys) {
    const std::vector<NamedValue> values = NamedValuesOf(path_of(key));
    if (!HaveSameNames(values, first)) {
      found.problem = fmt::format("keys have different partitions: \"{}\" has {}, \"{}\" has {}",
                                  keys.front(), NamesOf(first), key, NamesOf(values));
      return found;
    }
    for (size_t i = 0; i < values.size(); ++i) types[i].Add(values[i].value);
  }
  if (const auto name = RepeatedName(first)) {
    found.problem =
        fmt::format("partition \"{}\" appears twice in key \"{}\"", *name, keys.front());
    return found;
  }
  for (size_t i = 0; i < first.size(); ++i) {
    found.columns.push_back({.name = DecodeIfValid(first[i].name),
                             .type = types[i].Name(),
                             .key_name = std::string(first[i].name)});
  }
  return found;
}

}  // namespace tarn::catalog
