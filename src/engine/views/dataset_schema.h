#pragma once

#include "catalog/partitions.h"
#include "catalog/schema_union.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Returns the schema of a dataset: the columns of its objects, then its partitions. Leaves out a
// partition that has the name of a column, with a note.
protocol::DatasetSchema ToDatasetSchema(const catalog::SchemaUnion& objects,
                                        const catalog::Partitions& partitions);

}  // namespace tarn::engine
