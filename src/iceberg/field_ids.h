#pragma once

// The field ids of a dataset's columns, which never change.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::iceberg {

// A map from the path of a field to its id. A path has the names of the columns and fields, in
// ASCII lower case: "a", "a.b", "list.element", "map.key", "map.value". A path keeps its id when
// its column disappears, so that it has the same id when it comes back.
// https://iceberg.apache.org/spec/#schema-evolution
//
// Not thread-safe.
class FieldIds {
 public:
  static constexpr size_t kPathsMax = 100'000;

  // Returns the id of a path; a new path gets the next id. kTooLarge if there are kPathsMax paths.
  Result<int32_t> Assign(const std::string& path);

  // The highest id; 0 if there is none.
  int32_t last_id() const { return last_id_; }

  // {"ids":{"a":1,"a.b":2},"last-id":2}
  std::string ToJson() const;
  // Parses the output of ToJson. kInvalidArgument for anything else.
  static Result<FieldIds> FromJson(std::string_view json);

  bool operator==(const FieldIds&) const = default;

 private:
  std::map<std::string, int32_t> ids_;
  int32_t last_id_ = 0;
};

}  // namespace tarn::iceberg
