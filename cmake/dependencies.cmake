# Third-party libraries. Debian's packages by their own CMake files; DuckDB and Arrow
# from .deps/, where set-up puts the pinned libduckdb.so, its C header and its signed extensions,
# and libarrow.so with its headers.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(CURL REQUIRED)
find_package(EXPAT REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(zstd REQUIRED)
find_package(simdjson REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)

set(TARN_DUCKDB_DIR ${TARN_DEPS_DIR}/duckdb)
set(TARN_EXTENSIONS_DIR ${TARN_DEPS_DIR}/extensions)
if(NOT EXISTS ${TARN_DUCKDB_DIR}/libduckdb.so OR NOT EXISTS ${TARN_DUCKDB_DIR}/duckdb.h)
  message(FATAL_ERROR "DuckDB is not in ${TARN_DUCKDB_DIR}: run ./x setup first")
endif()
file(GLOB TARN_ARROW_LIBRARY ${TARN_DEPS_DIR}/arrow/libarrow.so.*)
if(NOT TARN_ARROW_LIBRARY)
  message(FATAL_ERROR "Arrow is not in ${TARN_DEPS_DIR}/arrow: run ./x setup first")
endif()

# Programs find what is packaged with them beside themselves: bin/queryd, lib/tarn/…
set(TARN_LIB_DIR ${CMAKE_BINARY_DIR}/lib/tarn)
file(MAKE_DIRECTORY ${TARN_LIB_DIR})
file(CREATE_LINK ${TARN_DUCKDB_DIR}/libduckdb.so ${TARN_LIB_DIR}/libduckdb.so SYMBOLIC)
file(CREATE_LINK ${TARN_EXTENSIONS_DIR}/httpfs.duckdb_extension
  ${TARN_LIB_DIR}/httpfs.duckdb_extension SYMBOLIC)
cmake_path(GET TARN_ARROW_LIBRARY FILENAME TARN_ARROW_SONAME)
file(CREATE_LINK ${TARN_ARROW_LIBRARY} ${TARN_LIB_DIR}/${TARN_ARROW_SONAME} SYMBOLIC)
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib/tarn")

add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION ${TARN_LIB_DIR}/libduckdb.so
  IMPORTED_NO_SONAME ON
  INTERFACE_INCLUDE_DIRECTORIES ${TARN_DUCKDB_DIR})

add_library(arrow SHARED IMPORTED GLOBAL)
set_target_properties(arrow PROPERTIES
  IMPORTED_LOCATION ${TARN_LIB_DIR}/${TARN_ARROW_SONAME}
  IMPORTED_SONAME ${TARN_ARROW_SONAME}
  INTERFACE_INCLUDE_DIRECTORIES ${TARN_DEPS_DIR}/arrow/include)

# It has no CMake files of its own.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LibEdit REQUIRED IMPORTED_TARGET libedit)
add_library(LibEdit::LibEdit ALIAS PkgConfig::LibEdit)
