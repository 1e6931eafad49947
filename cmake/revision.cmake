find_package(Git QUIET)

# tarn_ask_git(VARIABLE WORD…): the output of `git WORD…` for the sources; empty if they are not in
# a repository. Git refuses to read a checkout of another user, such as a mounted one, unless its
# folder is declared safe.
function(tarn_ask_git variable)
  set(output "")
  if(Git_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} -c safe.directory=* ${ARGN}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE output
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set(${variable} "${output}" PARENT_SCOPE)
endfunction()
