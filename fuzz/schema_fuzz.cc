// duck/footer_metadata, catalog/type and catalog/partitions: footers and keys of malicious objects,
// and types that a client registered.

#include <algorithm>

#include "catalog/partitions.h"
#include "catalog/type.h"
#include "duck/footer_metadata.h"
#include "fuzz.h"

using namespace tarn;           // NOLINT: the namespace under test
using namespace tarn::catalog;  // NOLINT: the namespace under test

namespace {

void CheckFooter(std::string_view bytes) {
  const auto metadata = duck::ReadFooterMetadata(bytes);
  if (!metadata.ok()) return;
  FUZZ_CHECK(metadata->schema.size() <= bytes.size(), "the schema is a part of the footer");
  FUZZ_CHECK(metadata->untyped_leaves.size() <= bytes.size(), "a leaf has at least a byte");
}

void CheckTypes(std::string_view text) {
  const size_t middle = std::min(text.find('\n'), text.size());
  const Type first = ParseType(text.substr(0, middle));
  const Type second = ParseType(text.substr(std::min(middle + 1, text.size())));
  FUZZ_CHECK(IsWidening(first, first), text);
  (void)CommonType(first, second);
  (void)TypeText(first);
}

void CheckPartitions(std::string_view text) {
  std::vector<std::string> keys;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    keys.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (keys.empty()) return;
  const Partitions found = FindPartitions(keys.front(), keys);
  for (const std::string& key : keys) FUZZ_CHECK(key.starts_with(found.prefix), key);
  FUZZ_CHECK(found.problem.empty() || found.columns.empty(), found.problem);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = tarn::fuzz::Text(data, size);
  CheckFooter(bytes);
  CheckTypes(bytes);
  CheckPartitions(bytes);
  return 0;
}
