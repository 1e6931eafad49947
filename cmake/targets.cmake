# tarn_unity(TARGET): compiles the sources of a target in batches of 12, which takes a third of the
# time, because they share headers and instances of templates. Names in anonymous namespaces must
# therefore be unique within a folder.
function(tarn_unity target)
  if(TARN_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      # Meant for headers; GCC takes all sources but the first for such.
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
endfunction()

# tarn_library(NAME [FUZZED] LINK lib…): one static library per folder of src/, from all its sources
# and those of its subfolders. Files named *_test.cc become one GoogleTest program of the folder. FUZZED: fuzzers spend their time
# in it, so their build optimises it.
function(tarn_library name)
  cmake_parse_arguments(ARG "FUZZED" "" "LINK;PRIVATE_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  add_library(tarn_${name} STATIC ${sources})
  target_include_directories(tarn_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(tarn_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  tarn_unity(tarn_${name})
  if(ARG_FUZZED AND TARN_BUILD_FUZZERS)
    target_compile_options(tarn_${name} PRIVATE -O1)
  endif()

  if(TARN_BUILD_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE tarn_${name} ${ARG_PRIVATE_LINK} GTest::gtest
      GTest::gmock GTest::gtest_main)
    set_target_properties(${name}_test PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    tarn_unity(${name}_test)
    # Optimising the tests takes longer than it saves.
    target_compile_options(${name}_test PRIVATE -O0)
    # Its tests one after another in one process: a process for each would take longer than the test.
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
    if(TARN_SANITIZE STREQUAL "thread")
      set_tests_properties(${name} PROPERTIES TIMEOUT 1800
        ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp:detect_deadlocks=0")
    endif()
  endif()
endfunction()

# The programs that are built and installed together: `cmake --build … --target programs`.
# tarn_program() adds to it; the property TARN_PROGRAMS lists their names.
add_custom_target(programs)

# tarn_program(NAME LIBRARY [STARTS PROGRAM…]): bin/NAME from this folder's main.cc. The programs
# that it starts are built with it.
function(tarn_program name library)
  cmake_parse_arguments(ARG "" "" "STARTS" ${ARGN})
  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE ${library})
  if(ARG_STARTS)
    add_dependencies(${name} ${ARG_STARTS})
  endif()
  add_dependencies(programs ${name})
  set_property(GLOBAL APPEND PROPERTY TARN_PROGRAMS ${name})
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

# tarn_embed_folder(TARGET FOLDER NAMESPACE TYPE NAME HEADER): all files of a folder, in which some
# have a compressed copy beside them (FILE.gz), as `std::span<const TYPE> NAMESPACE::NAME()`, which
# HEADER declares; TYPE is {name, bytes, gzip}. No folder: an empty list.
function(tarn_embed_folder target folder namespace type name header)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*)
  set(compressed ${files})
  list(FILTER compressed INCLUDE REGEX "\\.gz$")
  list(REMOVE_ITEM files ${compressed})

  # The assembler puts the bytes there: a compiler would take minutes for as long a literal.
  set(number 0)
  set(blobs "")
  set(entries "")
  foreach(file ${files})
    get_filename_component(base ${file} NAME)
    math(EXPR number "${number} + 1")
    string(APPEND blobs "EMBED(${name}_${number}, \"${file}\")\n")
    set(gzip "{}")
    if(${file}.gz IN_LIST compressed)
      string(APPEND blobs "EMBED(${name}_${number}_gz, \"${file}.gz\")\n")
      set(gzip "BYTES(${name}_${number}_gz)")
    endif()
    string(APPEND entries "      {\"${base}\", BYTES(${name}_${number}), ${gzip}},\n")
  endforeach()
  if(entries)
    set(body "  static const ${type} kFiles[] = {\n${entries}  };\n  return kFiles;")
  else()
    set(body "  return {};")
  endif()

  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"#include \"@header@\"

#include <cstdint>

#define EMBED(symbol, path)                                                      \\
  asm(\".pushsection .rodata.\" #symbol \",\\\"a\\\"\\n.balign 8\\n\" #symbol \"_size:\\n\"     \\
      \".quad 2f - 1f\\n\" #symbol \":\\n1:\\n.incbin \\\"\" path \"\\\"\\n2:\\n.popsection\\n\"); \\
  extern \"C\" __attribute__((visibility(\"hidden\"))) const char symbol[];        \\
  extern \"C\" __attribute__((visibility(\"hidden\"))) const uint64_t symbol##_size;
#define BYTES(symbol) {symbol, symbol##_size}

@blobs@
namespace @namespace@ {
std::span<const @type@> @name@() {
@body@
}
}  // namespace @namespace@
")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files};${compressed}")
  target_sources(${target} PRIVATE ${source})
endfunction()
