#pragma once

// Private to src/config: the settings of the long sections, in the order of the documents.

#include <vector>

#include "config/lakehouse.h"
#include "config/settings.h"

namespace tarn {

std::vector<Setting> QuerydTable(QuerydSettings& queryd);
std::vector<Setting> CatalogdTable(CatalogdSettings& catalogd);

}  // namespace tarn
