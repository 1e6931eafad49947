#include "queryd/http/dataset_list.h"

#include <fmt/format.h>

#include <iterator>

#include "base/json_text.h"

namespace tarn::queryd {
namespace {

std::string NumberOrNull(const std::optional<int64_t>& number) {
  return number ? fmt::format("{}", *number) : "null";
}

}  // namespace

Result<std::optional<std::string>> DatasetList::Next() {
  if (is_at_end_) return std::optional<std::string>();
  std::string piece;
  if (!has_begun_) piece += R"({"datasets":[)";
  has_begun_ = true;
  if (rest_) {
    const auto dataset = rest_->dataset.lock();
    if (dataset == nullptr) {
      return Error{ErrorKind::kStale,
                   "a dataset changed while its columns were being sent, try again"};
    }
    AppendColumns(dataset, rest_->next_column, piece);
  }
  AppendDatasets(piece);
  return std::optional(std::move(piece));
}

void DatasetList::AppendDatasets(std::string& piece) {
  constexpr size_t kDatasetsAtOnce = 100;
  while (!rest_ && piece.size() < kPieceBytes) {
    const auto datasets = registrar_.LiveAfter(last_name_, kDatasetsAtOnce);
    if (datasets.empty()) {
      piece += "]}";
      is_at_end_ = true;
      return;
    }
    for (const auto& [name, dataset] : datasets) {
      if (rest_ || piece.size() >= kPieceBytes) return;
      last_name_ = name;
      if (scope_.Allows(name)) Append(name, dataset, piece);
    }
  }
}

void DatasetList::Append(const std::string& name, const std::shared_ptr<const LiveDataset>& dataset,
                         std::string& piece) {
  piece += is_first_ ? R"({"name":)" : R"(,{"name":)";
  is_first_ = false;
  AppendJsonText(piece, name);
  fmt::format_to(std::back_inserter(piece), R"(,"row_count":{},"objects":{},"bytes":{})",
                 NumberOrNull(dataset->rows), dataset->objects, NumberOrNull(dataset->bytes));
  if (!has_columns_) {
    piece += '}';
    return;
  }
  piece += R"(,"columns":[)";
  AppendColumns(dataset, 0, piece);
}

void DatasetList::AppendColumns(const std::shared_ptr<const LiveDataset>& dataset, size_t first,
                                std::string& piece) {
  const protocol::PackedColumns columns(dataset->view->packed_schema);
  size_t next = first;
  for (; next < columns.size() && piece.size() < kPieceBytes; ++next) {
    piece += next == 0 ? R"({"name":)" : R"(,{"name":)";
    AppendJsonText(piece, columns.Name(next));
    piece += R"(,"type":)";
    AppendJsonText(piece, columns.Type(next));
    piece += '}';
  }
  rest_.reset();
  if (next < columns.size()) {
    rest_ = Rest{.dataset = dataset, .next_column = next};
  } else {
    piece += "]}";
  }
}

}  // namespace tarn::queryd
