#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "duck/footer_metadata.h"

namespace tarn::duck {

// The error for a footer with more bytes than its object.
Error FooterTooLongError();

// A Parquet file in memory that consists only of a footer: it has the schema, the row groups and
// the row counts of an object, but no data. DuckDB plans over it as over the object and counts its
// rows. https://parquet.apache.org/docs/file-format/
//
// Movable, not copyable.
class FooterFile {
 public:
  static Result<FooterFile> Make(const FooterLimits& limits = {});
  FooterFile(FooterFile&& other) noexcept;
  FooterFile& operator=(FooterFile&& other) noexcept;
  ~FooterFile();

  // Sets the content to the footer in the end of an object. Returns the required number of bytes of
  // the end, or 0 if `object_end` suffices. kNotFound: the object is not Parquet, or its footer is
  // encrypted. Other errors are those of ReadFooterMetadata; DuckDB must not read such an object.
  Result<size_t> Put(std::string_view object_end);

  // Sets the content to the footer of a file. Errors are those of Put, and kUnavailable if the file
  // cannot be read. Calls `before_long` with the size of a footer of more than 32 KiB before it
  // reads the footer; an error ends the call.
  Result<> Load(const std::string& path,
                const std::function<Result<>(size_t footer_bytes)>& before_long = nullptr);

  // Frees the memory of the content.
  void Clear();

  // A path in this process, valid during the lifetime of this object.
  std::string Path() const;

  // The metadata of the current content.
  const FooterMetadata& metadata() const { return metadata_; }

 private:
  FooterFile(int descriptor, const FooterLimits& limits)
      : descriptor_(descriptor), limits_(limits) {}

  int descriptor_;  // -1: moved from.
  FooterLimits limits_;
  FooterMetadata metadata_;
};

}  // namespace tarn::duck
