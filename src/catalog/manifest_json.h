#pragma once

// JSON of the catalogue's HTTP interface. Parsers reject unknown fields from clients, so that a
// typo is reported, and ignore those from catalogd, because a newer version may send more.

#include <cstdint>
#include <string>
#include <string_view>

#include "catalog/manifest.h"

namespace tarn::catalog {

// No limit on the number of values; for JSON that was validated before.
inline constexpr size_t kUnlimitedValues = SIZE_MAX;

// Parses the body of PUT /catalog/datasets/{name}: `objects` with their `key`s; unknown fields are
// errors. Validates the content (see Validate). The error names the field; kTooLarge for more than
// `values_max` JSON values.
Result<DatasetContent> ParseDatasetContent(std::string_view json,
                                           size_t values_max = kUnlimitedValues);

// The body of POST /catalog/datasets/{name}/restore.
struct RestoreRequest {
  uint64_t version = 0;
  std::string dataset_id;  // Empty: not given.
};
Result<RestoreRequest> ParseRestoreRequest(std::string_view json);

// Formats content as it is stored in the database. ParseDatasetContent parses it.
std::string FormatDatasetContent(const DatasetContent& content);

std::string FormatManifest(const Manifest& manifest);
// Appends a manifest with content that FormatDatasetContent has formatted, so that a list does not
// parse it. Ignores the manifest's own content.
void AppendManifest(std::string& out, const Manifest& manifest, std::string_view content);
// Append the parts of a manifest before and after the fields of its content.
void AppendManifestStart(std::string& out, const Manifest& manifest);
void AppendManifestEnd(std::string& out, const Manifest& manifest);

// A JSON string with its quotes.
std::string JsonText(std::string_view text);

// {"catalog_id":…,"revision":R,"manifests":[…]}
std::string FormatSnapshot(const Snapshot& snapshot);
// Parses the output of FormatSnapshot. Manifests require only name, objects[].key and updated_at
// (RFC 3339). Without them, `revision` is 0 and `catalog_id` empty. Unknown fields and invalid
// schemas are ignored.
Result<Snapshot> ParseSnapshot(std::string_view json);

// {"catalog_id":…,"revision":R,"since":S,"manifests":[…],"deleted":[…]}; a complete catalogue is
// formatted like FormatSnapshot.
std::string FormatChanges(const Changes& changes);
// As lenient as ParseSnapshot. The output of FormatSnapshot is parsed as a complete catalogue.
// kTooLarge for more than `values_max` JSON values.
Result<Changes> ParseChanges(std::string_view json, size_t values_max = kUnlimitedValues);

// Parses RFC 3339 with any offset and number of fraction digits; fractions of a microsecond are
// truncated.
Result<UnixMicros> ParseRfc3339(std::string_view text);

}  // namespace tarn::catalog
