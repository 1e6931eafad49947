#pragma once

// The JSON of the catalogue's HTTP interface, both ways. Readers are strict towards clients
// (a typo must not be lost) and lenient towards catalogd (a newer one may say more).

#include <cstdint>
#include <string>
#include <string_view>

#include "catalog/manifest.h"

namespace tarn::catalog {

// No limit on the number of values: for JSON that was accepted before.
inline constexpr size_t kAnyValues = SIZE_MAX;

// The body of PUT /catalog/datasets/{name}: `objects` with their `key`s, and nothing unknown.
// The content is valid (see Validate). The error names the field; kTooLarge for more than
// `values_max` JSON values.
Result<DatasetContent> ParseDatasetContent(std::string_view json, size_t values_max = kAnyValues);

// The body of POST /catalog/datasets/{name}/restore.
struct RestoreRequest {
  uint64_t version = 0;
  std::string dataset_id;  // Empty: not given.
};
Result<RestoreRequest> ParseRestoreRequest(std::string_view json);

// What the database keeps, and ParseDatasetContent reads back.
std::string FormatDatasetContent(const DatasetContent& content);

std::string FormatManifest(const Manifest& manifest);
// The same, for content that is JSON already, as FormatDatasetContent makes it: a list of 100,000
// datasets takes none of it apart. The manifest's own content is not looked at.
void AppendManifest(std::string& out, const Manifest& manifest, std::string_view content);

// A text with its quotes.
std::string JsonText(std::string_view text);

// {"catalog_id":…,"revision":R,"manifests":[…]}
std::string FormatSnapshot(const Snapshot& snapshot);
// Needs of each manifest only name, objects[].key and updated_at (RFC 3339); `revision` is 0 and
// `catalog_id` empty where the catalogue has none. Unknown fields are ignored, and so is a schema
// that is none.
Result<Snapshot> ParseSnapshot(std::string_view json);

// {"catalog_id":…,"revision":R,"since":S,"manifests":[…],"deleted":[…]}; a whole catalogue is like
// FormatSnapshot.
std::string FormatChanges(const Changes& changes);
// As lenient as ParseSnapshot, and takes all that ParseSnapshot takes, as a whole catalogue.
// kTooLarge for more than `values_max` JSON values.
Result<Changes> ParseChanges(std::string_view json, size_t values_max = kAnyValues);

// RFC 3339 with any offset and any number of fraction digits; what is below a microsecond is
// cut off.
Result<UnixMicros> ParseRfc3339(std::string_view text);

}  // namespace tarn::catalog
