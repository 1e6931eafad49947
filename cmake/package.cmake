# What is installed, and the Debian package of it: `./x package` runs cpack in the build folder.
# Programs find libraries beside themselves, as in the build: bin/queryd, lib/tarn/….
include(GNUInstallDirs)

set(package ${CMAKE_SOURCE_DIR}/package)
set(documents ${CMAKE_INSTALL_DATADIR}/doc/tarn)
get_property(programs GLOBAL PROPERTY TARN_PROGRAMS)
install(TARGETS ${programs} RUNTIME)
install(FILES ${TARN_DUCKDB_DIR}/libduckdb.so ${TARN_ARROW_LIBRARY}
  ${TARN_EXTENSIONS_DIR}/httpfs.duckdb_extension DESTINATION lib/tarn)
install(FILES ${package}/tarn-catalogd.service ${package}/tarn-queryd.service
  DESTINATION lib/systemd/system)
install(FILES ${package}/tarn.sysusers DESTINATION lib/sysusers.d RENAME tarn.conf)
install(FILES ${package}/lakehouse.toml DESTINATION /etc/tarn)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION ${documents} FILES_MATCHING
  PATTERN *.md PATTERN *.yml PATTERN *.py)
# What Tab completes, as the tool itself says it.
set(tarn_completions
  bash=share/bash-completion/completions/tarn
  zsh=share/zsh/vendor-completions/_tarn
  fish=share/fish/vendor_completions.d/tarn.fish)
foreach(completion ${tarn_completions})
  string(REPLACE "=" ";" completion ${completion})
  list(GET completion 0 shell)
  list(GET completion 1 target)
  set(script ${CMAKE_BINARY_DIR}/package/completion.${shell})
  install(CODE "execute_process(COMMAND $<TARGET_FILE:tarn> completion ${shell}
    OUTPUT_FILE ${script} COMMAND_ERROR_IS_FATAL ANY)")
  cmake_path(GET target PARENT_PATH folder)
  cmake_path(GET target FILENAME name)
  install(FILES ${script} DESTINATION ${folder} RENAME ${name})
endforeach()
install(FILES ${package}/copyright DESTINATION ${documents})
# Arrow's library has other libraries in it, whose terms this file holds.
file(GLOB arrow_licence
  ${TARN_DEPS_DIR}/venv/lib/python3*/site-packages/pyarrow-*.dist-info/licenses/LICENSE.txt)
install(FILES ${arrow_licence} DESTINATION ${documents} RENAME arrow-LICENSE.txt)

# A version of its own for each commit, and in their order, so that apt sees an upgrade.
tarn_ask_git(TARN_COMMITTED log -1 --format=%cd --date=format:%Y%m%d%H%M%S)
string(REPLACE "-" "." revision "${TARN_REVISION}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tarn)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}+git${TARN_COMMITTED}.${revision}")
set(CPACK_PACKAGE_CONTACT "The maintainers of Tarn <maintainers@tarn.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "small lakehouse: SQL over HTTP on Parquet files in S3")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A catalogue, catalogd, knows which objects of a bucket make up which dataset. queryd shows each
dataset as a DuckDB view and answers POST /sql. tarn is the tool for people.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_OUTPUT_FILE_PREFIX ${CMAKE_BINARY_DIR}/package)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
# What can be read in as short a time as it takes to write it, for half as many bytes again.
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${TARN_LIB_DIR})
# Besides the libraries, which are found out: who makes the user, and whom TLS trusts.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${CMAKE_BINARY_DIR}/package/conffiles "/etc/tarn/lakehouse.toml\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/package/conffiles
  ${package}/postinst ${package}/prerm ${package}/postrm)
include(CPack)
