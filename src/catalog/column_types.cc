#include "catalog/column_types.h"

#include "base/text.h"
#include "base/text_hash.h"
#include "catalog/type.h"

namespace tarn::catalog {

std::vector<TypeChange> IncompatibleChanges(const std::vector<Column>& before,
                                            const std::vector<Column>& after) {
  TextMap<const Column*> known;
  for (const Column& column : before) known.emplace(ToLowerAscii(column.name), &column);
  std::vector<TypeChange> changes;
  for (const Column& column : after) {
    const auto found = known.find(ToLowerAscii(column.name));
    if (found == known.end() ||
        IsWidening(ParseType(found->second->type), ParseType(column.type))) {
      continue;
    }
    changes.push_back({column.name, found->second->type, column.type});
  }
  return changes;
}

}  // namespace tarn::catalog
