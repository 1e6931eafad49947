# tarn_library(NAME LINK lib…): one static library per folder of src/, from all its sources.
# Files named *_test.cc become one GoogleTest program of the folder.
function(tarn_library name)
  cmake_parse_arguments(ARG "" "" "LINK;PRIVATE_LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  add_library(tarn_${name} STATIC ${sources})
  target_include_directories(tarn_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(tarn_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})

  if(TARN_BUILD_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE tarn_${name} ${ARG_PRIVATE_LINK} GTest::gtest
      GTest::gmock GTest::gtest_main)
    set_target_properties(${name}_test PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 120)
  endif()
endfunction()

# tarn_program(NAME LIBRARY): bin/NAME from this folder's main.cc.
function(tarn_program name library)
  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE ${library})
endfunction()

# tarn_embed(TARGET FILE NAMESPACE NAME): a text of the source tree as `NAMESPACE::NAME()`,
# a std::string_view that ends with the program. @PROJECT_VERSION@ in it is filled in.
function(tarn_embed target file namespace name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(CONFIGURE "${text}" text @ONLY)
  # A literal may not be longer than 64 KB in other compilers; these texts are far below.
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc @ONLY CONTENT
"#include <string_view>

namespace @namespace@ {
std::string_view @name@();
std::string_view @name@() { return R\"embedded(@text@)embedded\"; }
}  // namespace @namespace@
")
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
endfunction()
