// catalog/manifest_json: manifests from clients, and the lists that queryd reads from catalogd.

#include "catalog/manifest_json.h"
#include "fuzz.h"

using namespace tarn::catalog;  // NOLINT: the namespace under test

namespace {

// Accepted content is stored in the database. Reading it back must not change it.
void CheckContent(std::string_view json) {
  const auto content = ParseDatasetContent(json);
  if (!content.ok()) {
    FUZZ_CHECK(content.error().kind == tarn::ErrorKind::kInvalidArgument, content.error().message);
    return;
  }
  FUZZ_CHECK(Validate(*content).ok(), json);
  const std::string kept = FormatDatasetContent(*content);
  const auto again = ParseDatasetContent(kept);
  FUZZ_CHECK(again.ok(), kept);
  FUZZ_CHECK(*again == *content, kept);
}

// Each list that is accepted can be formatted and parsed again.
void CheckSnapshot(std::string_view json) {
  const auto snapshot = ParseSnapshot(json);
  if (!snapshot.ok()) return;
  const std::string formatted = FormatSnapshot(*snapshot);
  const auto again = ParseSnapshot(formatted);
  FUZZ_CHECK(again.ok(), formatted + "\n" + again.error().message);
  FUZZ_CHECK(again->revision == snapshot->revision, formatted);
  FUZZ_CHECK(FormatSnapshot(*again) == formatted, formatted);
}

void CheckChanges(std::string_view json) {
  const auto changes = ParseChanges(json);
  FUZZ_CHECK(changes.ok() || !ParseSnapshot(json).ok(), json);
  if (!changes.ok()) return;
  const std::string formatted = FormatChanges(*changes);
  const auto again = ParseChanges(formatted);
  FUZZ_CHECK(again.ok(), formatted + "\n" + again.error().message);
  FUZZ_CHECK(FormatChanges(*again) == formatted, formatted);
}

void CheckPosition(std::string_view text) {
  const auto position = Position::Parse(text);
  if (position) FUZZ_CHECK(Position::Parse(position->Text()) == position, text);
}

void CheckTime(std::string_view text) {
  const auto time = ParseRfc3339(text);
  if (!time.ok()) return;
  const std::string formatted = tarn::FormatRfc3339(*time);
  const auto again = ParseRfc3339(formatted);
  FUZZ_CHECK(again.ok(), formatted);
  FUZZ_CHECK(*again == *time, formatted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = tarn::fuzz::Text(data, size);
  CheckContent(text);
  CheckSnapshot(text);
  CheckChanges(text);
  CheckPosition(text);
  CheckTime(text);
  (void)ValidateName(text);
  return 0;
}
