#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "duck/footer_metadata.h"

namespace tarn::duck {

// A Parquet file in memory that is all footer: the schema, the row groups and their counts are
// those of an object, its data is not there. DuckDB plans over it as over the object, and counts
// its rows. https://parquet.apache.org/docs/file-format/
//
// Movable, not copyable.
class FooterFile {
 public:
  static Result<FooterFile> Make();
  FooterFile(FooterFile&& other) noexcept;
  FooterFile& operator=(FooterFile&& other) noexcept;
  ~FooterFile();

  // The end of an object becomes the content. A number: so many bytes of the end are needed, more
  // than these. The error tells what is no Parquet, or one whose footer is encrypted.
  Result<size_t> Put(std::string_view object_end);

  // The footer of a file becomes the content.
  Result<> Load(const std::string& path);

  // For this process, as long as this lives.
  std::string Path() const;

  // Of the last content.
  const FooterMetadata& metadata() const { return metadata_; }

 private:
  explicit FooterFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;  // -1: moved away.
  FooterMetadata metadata_;
};

}  // namespace tarn::duck
