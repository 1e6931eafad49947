#include "ingest/column_type_questions.h"

#include <fmt/format.h>

#include <utility>

#include "base/display_text.h"
#include "base/text.h"
#include "duck/quote.h"

namespace tarn::ingest {
namespace {

std::string NameOf(const TypeQuestion& question) {
  return duck::QuoteIdentifier(question.column->name);
}

std::string Shown(const std::string& text) {
  constexpr size_t kShown = 40;
  return FitWidth(EscapeUnprintable(text), kShown);
}

class Asker {
 public:
  Asker(const std::string& text_source, const TextForms& forms, Converter& converter)
      : text_source_(text_source), forms_(forms), converter_(converter) {}

  // Returns for each column whether its narrowest type, or any type if it is unseen, represents all
  // values.
  Result<std::vector<bool>> Fit(const std::vector<TypeQuestion>& questions,
                                const std::string& source) {
    std::vector<bool> fit;
    if (questions.empty()) return fit;
    std::string list;
    for (const TypeQuestion& question : questions) {
      const std::string name = NameOf(question);
      std::string types;
      for (const std::string& type : question.types) {
        types += fmt::format("{}({})", types.empty() ? "" : " OR ", forms_.IsOfType(name, type));
        if (!question.is_unseen) break;
      }
      list += fmt::format("{}count_if({} IS NOT NULL AND NOT ({})) = 0", list.empty() ? "" : ", ",
                          name, types);
    }
    TARN_TRY(const std::vector<std::string> row,
             converter_.FirstRow(fmt::format("SELECT {} FROM {}", list, source)));
    for (const std::string& each : row) fit.push_back(each == "true");
    return fit;
  }

  // Sets each column to the first of its types that represents all values, or to VARCHAR if there
  // is none or the column has no values. Returns notes.
  Result<std::vector<std::string>> Decide(const std::vector<TypeQuestion>& questions) {
    std::vector<std::string> notes;
    if (questions.empty()) return notes;
    std::string list;
    for (const TypeQuestion& question : questions) {
      if (!list.empty()) list += ", ";
      list += CountsOf(question);
    }
    TARN_TRY(const std::vector<std::string> row,
             converter_.FirstRow(fmt::format("SELECT {} FROM {}", list, text_source_)));
    size_t at = 0;
    for (const TypeQuestion& question : questions) {
      const bool has_values = row.at(at++) != "0";
      std::string& chosen = question.column->type;
      chosen = "VARCHAR";
      for (const std::string& type : question.types) {
        if (has_values && chosen == "VARCHAR" && row.at(at) == "0") chosen = type;
        ++at;
      }
      const std::string& example = row.at(at++);
      const std::string& name = question.column->name;
      if (chosen == "VARCHAR" && !question.is_unseen) {
        notes.push_back(fmt::format("column \"{}\" is text, because of values such as \"{}\"",
                                    Shown(name), Shown(example)));
      } else if (chosen == kTimestampOfNanoseconds) {
        chosen = "TIMESTAMP WITH TIME ZONE";
        notes.push_back(
            fmt::format("column \"{0}\" keeps microseconds and drops further digits; "
                        "--type {0}=VARCHAR keeps the text",
                        Shown(name)));
      }
    }
    return notes;
  }

 private:
  // Counts the values, and those that each type does not represent. Finds a value that no type
  // represents.
  std::string CountsOf(const TypeQuestion& question) const {
    const std::string name = NameOf(question);
    std::string list = fmt::format("count({})", name);
    std::string none;
    for (const std::string& type : question.types) {
      const std::string other = fmt::format("NOT ({})", forms_.IsOfType(name, type));
      list += fmt::format(", count_if({} IS NOT NULL AND {})", name, other);
      none += " AND " + other;
    }
    return list + fmt::format(
                      ", coalesce(any_value({0}) FILTER ({0} IS NOT NULL{1}), any_value({0}) "
                      "FILTER (NOT ({2})))",
                      name, none, forms_.IsOfType(name, question.types.front()));
  }

  const std::string& text_source_;
  const TextForms& forms_;
  Converter& converter_;
};

}  // namespace

Result<std::vector<std::string>> DecideTypes(const std::vector<TypeQuestion>& questions,
                                             const std::string& text_source, const TextForms& forms,
                                             Converter& converter) {
  Asker asker(text_source, forms, converter);
  std::vector<TypeQuestion> open;
  std::vector<TypeQuestion> unseen;
  for (const TypeQuestion& question : questions) {
    (question.is_unseen ? unseen : open).push_back(question);
  }
  // Text that no type represents usually appears in the first rows.
  constexpr int kSampleRows = 20'480;
  TARN_TRY(const std::vector<bool> first_fit,
           asker.Fit(unseen, fmt::format("(SELECT * FROM {} LIMIT {})", text_source, kSampleRows)));
  for (size_t i = 0; i < unseen.size(); ++i) {
    if (first_fit[i]) open.push_back(unseen[i]);
  }
  TARN_TRY(const std::vector<bool> fit, asker.Fit(open, text_source));
  std::vector<TypeQuestion> doubtful;
  for (size_t i = 0; i < open.size(); ++i) {
    if (fit[i] == open[i].is_unseen) doubtful.push_back(open[i]);
  }
  return asker.Decide(doubtful);
}

}  // namespace tarn::ingest
