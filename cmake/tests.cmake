# tests/unit/M/*.cpp → test_M; tests/integration/*.cpp → test_integration; tests/sim → test_sim;
# tests/faults → test_faults. Each suite is one ctest entry, so that ctest's summary counts programs
# and the runner's own summary counts cases.
find_package(GTest REQUIRED)

# SHARDS of a suite that takes minutes run beside each other, each with its own database.
function(ccoc_test target folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "SHARDS" "")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE ${arg_UNPARSED_ARGUMENTS} ccoc_options GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE
    CCOC_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/tests/data" CCOC_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}"
    CCOC_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(NOT arg_SHARDS)
    add_test(NAME ${target} COMMAND ${target})
    return()
  endif()
  foreach(shard RANGE 1 ${arg_SHARDS})
    math(EXPR index "${shard} - 1")
    add_test(NAME ${target}_${shard} COMMAND ${target})
    set_tests_properties(${target}_${shard} PROPERTIES ENVIRONMENT "GTEST_TOTAL_SHARDS=${arg_SHARDS};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()

get_property(modules GLOBAL PROPERTY CCOC_MODULES)
foreach(name ${modules})
  ccoc_test(test_${name} unit/${name} ccoc_${name})
endforeach()
if(TARGET test_ingest)
  # Of ccoc-bridge, which is a program and no library: what it reads before GStreamer does.
  target_sources(test_ingest PRIVATE src/ingest/bridge/offer.cpp src/ingest/bridge/address_guard.cpp)
  target_include_directories(test_ingest PRIVATE src/ingest)
  target_link_libraries(test_ingest PRIVATE ${CMAKE_DL_LIBS})
endif()
if(TARGET test_api)
  target_include_directories(test_api PRIVATE src/api)  # the wire beneath a WebSocket
endif()
if(TARGET test_webrtc)
  target_include_directories(test_webrtc PRIVATE src/webrtc)  # the times that a viewer is given
endif()
if(TARGET ccoc_playback)
  ccoc_test(test_sim sim ccoc_ingest ccoc_live ccoc_playback)
endif()
if(TARGET ccoc_hub)
  ccoc_test(test_integration integration ccoc_hub SHARDS 2)
  target_sources(test_integration PRIVATE tests/sim/sim_disk.cpp)
  target_include_directories(test_integration PRIVATE src/ingest)  # the source that talks to ccoc-bridge
  # The faults happen in the simulated world where they can, so that time costs nothing.
  ccoc_test(test_faults faults ccoc_hub)
  target_sources(test_faults PRIVATE tests/sim/sim_world.cpp tests/sim/sim_camera.cpp)
endif()
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/tests/CMakeLists.txt)
  add_subdirectory(tests)
endif()
