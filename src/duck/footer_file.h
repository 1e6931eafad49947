#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "duck/footer_metadata.h"

namespace tarn::duck {

// A footer that has more bytes than its object.
Error FooterIsLongerError();

// A Parquet file in memory that is all footer: the schema, the row groups and their counts are
// those of an object, its data is not there. DuckDB plans over it as over the object, and counts
// its rows. https://parquet.apache.org/docs/file-format/
//
// Movable, not copyable.
class FooterFile {
 public:
  static Result<FooterFile> Make(const FooterLimits& limits = {});
  FooterFile(FooterFile&& other) noexcept;
  FooterFile& operator=(FooterFile&& other) noexcept;
  ~FooterFile();

  // Makes the end of an object the content. Returns the number of bytes that are needed of the end,
  // or 0 if these are enough. kNotFound: the object is not Parquet, or its footer is encrypted.
  // Other errors are those of ReadFooterMetadata. DuckDB must not read such an object.
  Result<size_t> Put(std::string_view object_end);

  // Makes the footer of a file the content. Errors are those of Put, and kUnavailable if the file
  // cannot be read.
  Result<> Load(const std::string& path);

  // For this process, as long as this lives.
  std::string Path() const;

  // Of the last content.
  const FooterMetadata& metadata() const { return metadata_; }

 private:
  FooterFile(int descriptor, const FooterLimits& limits)
      : descriptor_(descriptor), limits_(limits) {}

  int descriptor_;  // -1: moved away.
  FooterLimits limits_;
  FooterMetadata metadata_;
};

}  // namespace tarn::duck
