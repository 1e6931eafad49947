#include "cli/commands/sql_words.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kNamesEvery = std::chrono::seconds(60);
constexpr uint64_t kNamesMax = 100'000;

constexpr const char* kKeywords[] = {
    "ALL",     "AND",     "ANTI",      "AS",     "ASC",     "BETWEEN",  "BY",        "CASE",
    "CAST",    "COUNT",   "CROSS",     "DATE",   "DESC",    "DESCRIBE", "DISTINCT",  "ELSE",
    "END",     "EXCEPT",  "EXCLUDE",   "EXISTS", "EXPLAIN", "FALSE",    "FILTER",    "FROM",
    "FULL",    "GROUP",   "HAVING",    "ILIKE",  "IN",      "INNER",    "INTERSECT", "INTERVAL",
    "IS",      "JOIN",    "LEFT",      "LIKE",   "LIMIT",   "NATURAL",  "NOT",       "NULL",
    "OFFSET",  "ON",      "OR",        "ORDER",  "OUTER",   "OVER",     "PARTITION", "PIVOT",
    "QUALIFY", "REPLACE", "RIGHT",     "SAMPLE", "SELECT",  "SEMI",     "SHOW",      "SUMMARIZE",
    "TABLES",  "THEN",    "TIMESTAMP", "TRUE",   "UNION",   "UNPIVOT",  "USING",     "VALUES",
    "WHEN",    "WHERE",   "WINDOW",    "WITH"};

using Words = std::set<std::string, std::less<>>;

// Returns the keywords of DuckDB that need quotes as a name, in lower case.
Result<Words> ReservedWords() {
  TARN_TRY(const duck::Database database, duck::Database::Open({{"threads", "1"}}));
  TARN_TRY(duck::Connection connection, database.Connect());
  TARN_TRY(duck::Statement statement,
           connection.Prepare("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category "
                              "IN ('reserved', 'type_function')"));
  TARN_TRY(duck::ResultStream rows, statement.Execute());
  Words words;
  for (;;) {
    TARN_TRY(const std::optional<duck::Chunk> chunk, rows.Next());
    if (!chunk) return words;
    for (uint64_t row = 0; row < chunk->row_count(); ++row) {
      words.emplace(chunk->columns()[0].Data<duck::StringRef>()[row].view());
    }
  }
}

bool IsWord(std::string_view name) {
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
         });
}

}  // namespace

SqlWords::SqlWords(const Remote& remote) : reserved_(ReservedWords().value_or(Words())) {
  thread_ = std::jthread([this, &remote](const std::stop_token& stop) { Follow(remote, stop); });
}

std::vector<std::string> SqlWords::Completions(const Word& word) {
  std::vector<std::string> found = NamesBeginningWith(word.text);
  if (word.is_quoted) return found;
  for (std::string& name : found) {
    if (!IsWord(name) || reserved_.contains(ToLowerAscii(name))) {
      name = duck::QuoteIdentifier(name);
    }
  }
  if (!found.empty()) return found;
  for (const char* keyword : kKeywords) {
    if (EqualsIgnoreCase(std::string_view(keyword).substr(0, word.text.size()), word.text)) {
      found.emplace_back(keyword);
    }
  }
  return found;
}

std::vector<std::string> SqlWords::NamesBeginningWith(std::string_view prefix) {
  const MutexLock lock(mutex_);
  std::vector<std::string> found;
  for (const std::string& name : names_) {
    if (name.size() >= prefix.size() &&
        EqualsIgnoreCase(std::string_view(name).substr(0, prefix.size()), prefix)) {
      found.push_back(name);
    }
  }
  return found;
}

void SqlWords::Follow(const Remote& remote, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Read(remote, stop);
    const auto again = std::chrono::steady_clock::now() + kNamesEvery;
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < again) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

void SqlWords::Read(const Remote& remote, const std::stop_token& stop) {
  const Json body = {
      {"sql", "SELECT table_name, list(column_name) FROM information_schema.columns GROUP BY ALL"},
      {"row_limit", kNamesMax}};
  const auto answer = remote.Query({.method = "POST", .path = "/sql", .body = body.dump()}, stop);
  if (!answer.ok()) return;
  const Json result = ParseBoundedOrderedJson(answer->body, kAnswerLimits).value_or(Json());
  if (!result.is_object()) return;
  std::set<std::string> names;
  try {
    for (const Json& row : result.value("rows", Json::array())) {
      names.insert(row.at(0).get<std::string>());
      for (const Json& column : row.at(1)) names.insert(column.get<std::string>());
    }
  } catch (const Json::exception&) {
    return;  // The response is not Tarn's.
  }
  const MutexLock lock(mutex_);
  names_ = std::move(names);
}

}  // namespace tarn::cli
