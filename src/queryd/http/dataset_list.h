#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/identity.h"
#include "base/result.h"
#include "queryd/datasets/registrar.h"

namespace tarn::queryd {

// The response of GET /catalog/datasets, made in pieces as the client reads it, so that memory
// grows neither with the number of datasets nor with their columns. Between two pieces it keeps
// only a position. Each dataset is listed as it is when its piece is made, in the order of the
// names.
//
// Used by one thread at a time. The registrar outlives it.
class DatasetList {
 public:
  // A piece has about this size, unless it is the last one.
  static constexpr size_t kPieceBytes = 256 * 1024;

  DatasetList(const Registrar& registrar, auth::DatasetScope scope, bool has_columns)
      : registrar_(registrar), scope_(std::move(scope)), has_columns_(has_columns) {}

  // Returns the next piece; nullopt at the end. kStale if a dataset changed after a part of its
  // columns was returned.
  Result<std::optional<std::string>> Next();
  bool IsAtEnd() const { return is_at_end_; }

 private:
  void AppendDatasets(std::string& piece);
  void Append(const std::string& name, const std::shared_ptr<const LiveDataset>& dataset,
              std::string& piece);
  // Appends columns until the piece is full.
  void AppendColumns(const std::shared_ptr<const LiveDataset>& dataset, size_t first,
                     std::string& piece);

  // A dataset whose columns have been returned in part. It is not kept alive, because clients that
  // read slowly could then hold many former schemas.
  struct Rest {
    std::weak_ptr<const LiveDataset> dataset;
    size_t next_column = 0;
  };

  const Registrar& registrar_;
  const auth::DatasetScope scope_;
  const bool has_columns_;
  std::optional<std::string> last_name_;  // The last dataset; nullopt: none yet.
  std::optional<Rest> rest_;
  bool is_first_ = true;  // No dataset has been listed.
  bool has_begun_ = false;
  bool is_at_end_ = false;
};

}  // namespace tarn::queryd
