# One line per library: what it may link. An arrow that is not here does not configure; tests/lint
# reads every #include against the same table, since a header can be used without linking.
set(HS_LAYERS_hs_base)
set(HS_LAYERS_hs_wire    hs_base)
set(HS_LAYERS_hs_chain   hs_base)
set(HS_LAYERS_hs_node    hs_base hs_wire hs_chain)
set(HS_LAYERS_hs_simnode hs_base hs_wire)
set(HS_LAYERS_hs_ledger  hs_base)
set(HS_LAYERS_hs_store   hs_base)
set(HS_LAYERS_hs_ingest  hs_base hs_chain hs_ledger hs_store)
set(HS_LAYERS_hs_api     hs_base hs_store)
set(HS_LAYERS_hs_webhook hs_base hs_store)
set(HS_LAYERS_hs_relay   hs_base hs_wire hs_store)
set(HS_LAYERS_hs_app     hs_base hs_wire hs_chain hs_node hs_simnode hs_ledger hs_store hs_ingest
                         hs_api hs_webhook hs_relay)

# hs_add_library(NAME SOURCES … LINKS ours… USES third-party…)
# LINKS are checked against the table and public; USES are private to the library's .cpp files.
function(hs_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;USES" ${ARGN})
  foreach(dep IN LISTS ARG_LINKS)
    if(NOT dep IN_LIST HS_LAYERS_${name})
      message(FATAL_ERROR "${name} -> ${dep} is not an edge of cmake/layers.cmake")
    endif()
  endforeach()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_USES} hs_flags)
endfunction()

# hs_add_test(NAME SOURCES … LINKS …): a Catch2 executable that shares one compiled main.
function(hs_add_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} ${ARG_USES} hs_catch_main hs_flags)
  target_compile_definitions(${name} PRIVATE HS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
