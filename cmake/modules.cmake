# One library ccoc_M per module: include/ccoc/M is its public face, src/M is private.
# The order below is the order of the house: a module may use only modules above it (checked by
# cmake/check_layers.cmake at every build).

add_library(ccoc_include INTERFACE)
target_include_directories(ccoc_include INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include)

# ccoc_module(NAME USES modules… LIBS targets…): nothing happens while src/NAME does not exist.
function(ccoc_module name)
  cmake_parse_arguments(ARG "" "" "USES;LIBS" ${ARGN})
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    return()
  endif()
  add_library(ccoc_${name} STATIC ${sources})
  target_link_libraries(ccoc_${name} PUBLIC ccoc_include PRIVATE ccoc_options)
  target_include_directories(ccoc_${name} PRIVATE ${folder})
  foreach(used ${ARG_USES})
    if(TARGET ccoc_${used})
      target_link_libraries(ccoc_${name} PUBLIC ccoc_${used})
    endif()
  endforeach()
  target_link_libraries(ccoc_${name} PUBLIC ${ARG_LIBS})
  set_property(GLOBAL APPEND PROPERTY CCOC_MODULES ${name})
  list(JOIN ARG_USES "," uses)
  set_property(GLOBAL APPEND PROPERTY CCOC_ARROWS "${name}=${uses}")
  if(EXISTS ${folder}/CMakeLists.txt)
    add_subdirectory(${folder})
  endif()
endfunction()

ccoc_module(base LIBS Boost::headers Threads::Threads spdlog::spdlog)
ccoc_module(media USES base)
ccoc_module(db USES base LIBS PkgConfig::PQ)
ccoc_module(access USES base db LIBS PkgConfig::SODIUM Boost::json)
ccoc_module(registry USES base db LIBS Boost::json csv PkgConfig::SODIUM)
ccoc_module(rtsp USES base media LIBS PkgConfig::OPENSSL)
ccoc_module(ingest USES base media rtsp registry)
ccoc_module(archive USES base media db)
ccoc_module(live USES base media)
ccoc_module(playback USES base media archive)
ccoc_module(vision USES base media)
ccoc_module(api USES base media db access registry rtsp ingest archive live playback vision LIBS Boost::json Boost::url)
ccoc_module(simulator USES base media rtsp)
ccoc_module(hub USES base media db access registry rtsp ingest archive live playback vision api simulator LIBS Boost::json)

# The layers, checked before anything is compiled.
get_property(arrows GLOBAL PROPERTY CCOC_ARROWS)
list(JOIN arrows "|" arrows)
add_custom_target(check_layers ALL
  COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_CURRENT_SOURCE_DIR} "-DARROWS=${arrows}" -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/check_layers.cmake
  VERBATIM)
get_property(modules GLOBAL PROPERTY CCOC_MODULES)
foreach(name ${modules})
  add_dependencies(ccoc_${name} check_layers)
endforeach()

if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/src/hub/main.cpp)
  add_executable(ccoc src/hub/main.cpp)
  target_link_libraries(ccoc PRIVATE ccoc_hub ccoc_options)
endif()
