#pragma once

#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "duck/footer_file.h"

namespace tarn::duck {

// The columns that DuckDB reads from a Parquet file with this footer. A column without a type of
// its own, which DuckDB reads as INTEGER, is kNull, also inside nested types. Nothing runs on the
// connection meanwhile.
Result<std::vector<Statement::Column>> ReadParquetColumns(Connection& connection,
                                                          const FooterFile& footer);

}  // namespace tarn::duck
