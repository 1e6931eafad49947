#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/text_list.h"
#include "base/time.h"
#include "catalog/manifest.h"

namespace tarn::queryd {

// The part of a manifest that queryd keeps. The keys and ETags of the objects are shared with the
// view of the dataset, because a dataset can have a million objects.
struct WantedDataset {
  std::string name;
  std::string owner;  // The token of the last change; empty if unknown.
  UnixMicros created_at;
  UnixMicros updated_at;
  std::optional<int64_t> rows;
  std::optional<int64_t> bytes;  // nullopt: the size of an object is unknown.
  TextList keys;
  TextList etags = {};  // One for each key, or empty texts; none if the catalogue has none at all.

  static WantedDataset Of(const catalog::Manifest& manifest);
};

}  // namespace tarn::queryd
