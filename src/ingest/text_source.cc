#include "ingest/text_source.h"

#include <fmt/format.h>

#include "duck/quote.h"

namespace tarn::ingest {

bool ComesAsText(const Column* target) {
  return target != nullptr &&
         (target->type == "VARCHAR" || target->type == "BIT" || HasLooseRule(target->type));
}

std::string OptionsText(const Input& input) {
  std::string text;
  for (const auto& [name, value] : input.options) {
    text += fmt::format(", {} = {}", name, duck::QuoteLiteral(value));
  }
  // A folder "day=1" is a folder.
  if (!HasOption(input, "hive_partitioning")) text += ", hive_partitioning = false";
  return text;
}

void KeepFound(const std::vector<Column>& before, const std::vector<Column>& targets,
               TextSource& source) {
  source.found = source.columns;
  for (size_t i = 0; i < before.size(); ++i) {
    if (FindColumn(targets, before[i].name) != nullptr) source.found[i] = before[i];
  }
}

}  // namespace tarn::ingest
