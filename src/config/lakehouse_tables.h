#pragma once

// Private to src/config: the settings of single sections, in their order.

#include <vector>

#include "config/lakehouse.h"
#include "config/settings.h"

namespace tarn {

std::vector<Setting> CatalogdTable(CatalogdSettings& catalogd);
std::vector<Setting> IcebergTable(IcebergSettings& iceberg);

}  // namespace tarn
