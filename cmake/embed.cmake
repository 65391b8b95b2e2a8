# hs_embed(OUT_CPP NAMESPACE files…): turns files into one .cpp that defines
#   namespace NAMESPACE { std::span<EmbeddedFile const> files(); }
# with struct EmbeddedFile { std::string_view name, bytes; } declared in proto/base/embedded.hpp.
function(hs_embed out_cpp namespace)
  add_custom_command(OUTPUT "${out_cpp}"
    COMMAND "${CMAKE_COMMAND}" "-DOUT=${out_cpp}" "-DNAMESPACE=${namespace}" "-DFILES=${ARGN}"
            -P "${PROJECT_SOURCE_DIR}/cmake/embed_script.cmake"
    DEPENDS ${ARGN} "${PROJECT_SOURCE_DIR}/cmake/embed_script.cmake"
    COMMENT "embedding into ${out_cpp}" VERBATIM)
endfunction()
