#pragma once

#include "catalog/partitions.h"
#include "catalog/schema_union.h"
#include "protocol/messages.h"

namespace tarn::engine {

// The schema of a dataset: the columns of its objects, then its partitions. A partition that has
// the name of a column is not a column; the notes say so.
protocol::DatasetSchema ToDatasetSchema(const catalog::SchemaUnion& objects,
                                        const catalog::Partitions& partitions);

}  // namespace tarn::engine
