#pragma once

#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "duck/footer_file.h"

namespace tarn::duck {

// The columns that DuckDB reads from a Parquet file with this footer. Untyped columns, which DuckDB
// reads as INTEGER, are kNull, also inside nested types. The connection must not be in use.
Result<std::vector<Statement::Column>> ReadParquetColumns(Connection& connection,
                                                          const FooterFile& footer);

}  // namespace tarn::duck
