# quipu_room(NAME <room> [DEPENDS <rooms>...] [LIBS <third-party libraries>...])
#
# One room of src/ becomes
#   quipu_<room>   a static library of its *.cpp (not *_test.cpp, *_fuzz.cpp, main.cpp),
#                  which may include what DEPENDS names; LIBS are its own affair
#   <room>_test    one program of its *_test.cpp, run by ctest (label unit)
#   <x>_fuzz       one libFuzzer program for each *_fuzz.cpp, under QUIPU_FUZZ
# A room that has no sources yet is an empty (interface) library, so that others can name it.

# Options that every target of the project is built with.
function(quipu_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # Warns of "literal" + std::string under -O3, wrongly (GCC bug 105329, fixed in 13).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    # Bits are counted all the time, and without it by a call. Every such processor has it since 2008.
    target_compile_options(${target} PRIVATE -mpopcnt)
  endif()
  if(QUIPU_CANARY)
    target_compile_definitions(${target} PRIVATE QUIPU_CANARY=1)
  endif()
endfunction()

function(quipu_room)
  cmake_parse_arguments(ROOM "" "NAME" "DEPENDS;LIBS" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${ROOM_NAME})
  set(lib quipu_${ROOM_NAME})

  file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cpp)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${dir}/*_fuzz.cpp)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  list(REMOVE_ITEM sources ${tests} ${fuzzers} ${dir}/main.cpp)

  list(TRANSFORM ROOM_DEPENDS PREPEND quipu_ OUTPUT_VARIABLE depends)
  if(sources)
    add_library(${lib} STATIC ${sources})
    quipu_options(${lib})
    target_include_directories(${lib} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${lib} PUBLIC ${depends} PRIVATE ${ROOM_LIBS} Threads::Threads)
  else()
    add_library(${lib} INTERFACE)
    target_include_directories(${lib} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${lib} INTERFACE ${depends})
  endif()

  if(tests)
    add_executable(${ROOM_NAME}_test ${tests})
    quipu_options(${ROOM_NAME}_test)
    target_link_libraries(${ROOM_NAME}_test
      PRIVATE ${lib} ${ROOM_LIBS} GTest::gmock GTest::gtest_main Threads::Threads)
    add_test(NAME ${ROOM_NAME}_test COMMAND ${ROOM_NAME}_test
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${ROOM_NAME}_test PROPERTIES LABELS unit)
  endif()

  # Seeds of src/<room>/<x>_fuzz.cpp lie in tests/fuzz/<x>; the test command replays and mutates them.
  foreach(source IN LISTS fuzzers)
    cmake_path(GET source STEM name)
    string(REPLACE "_fuzz" "" seeds ${name})
    if(NOT QUIPU_FUZZ)
      add_executable(${name}_replay ${source} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
      quipu_options(${name}_replay)
      target_link_libraries(${name}_replay PRIVATE ${lib} ${ROOM_LIBS} Threads::Threads)
      add_test(NAME ${name}_replay COMMAND ${name}_replay ${PROJECT_SOURCE_DIR}/tests/fuzz/${seeds})
      set_tests_properties(${name}_replay PROPERTIES LABELS full)
    endif()
  endforeach()

  if(QUIPU_FUZZ)
    foreach(source IN LISTS fuzzers)
      cmake_path(GET source STEM name)
      add_executable(${name} ${source})
      quipu_options(${name})
      target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${name} PRIVATE ${lib} ${ROOM_LIBS} Threads::Threads)
    endforeach()
  endif()
endfunction()
