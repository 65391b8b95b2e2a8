# websocketpp 0.8.2 declares constructors and destructors as template-ids (`~server<config>()`),
# which C++20 forbids. The headers are copied into the build tree with just those words edited.
# One edit more: text is not checked to be UTF-8. Every frame that we send or accept is Base64, which
# its decoder checks anyway, and the library's check costs several times the rest of reading a frame.
find_path(HS_WEBSOCKETPP_DIR websocketpp/endpoint.hpp REQUIRED)
set(HS_WEBSOCKETPP_COPY "${PROJECT_BINARY_DIR}/websocketpp-cxx20")
if(NOT EXISTS "${HS_WEBSOCKETPP_COPY}/.done-2")
  file(COPY "${HS_WEBSOCKETPP_DIR}/websocketpp" DESTINATION "${HS_WEBSOCKETPP_COPY}")
  function(hs_edit_websocketpp file)
    set(path "${HS_WEBSOCKETPP_COPY}/websocketpp/${file}")
    file(READ "${path}" text)
    set(before "${text}")
    foreach(edit IN LISTS ARGN)
      string(REPLACE "=>" ";" pair "${edit}")
      list(GET pair 0 from)
      list(GET pair 1 to)
      string(REPLACE "${from}" "${to}" text "${text}")
    endforeach()
    if(text STREQUAL before)
      message(FATAL_ERROR "websocketpp/${file} is not the file this patch was written for")
    endif()
    file(WRITE "${path}" "${text}")
  endfunction()
  hs_edit_websocketpp(endpoint.hpp "~endpoint<connection,config>()=>~endpoint()")
  hs_edit_websocketpp(roles/server_endpoint.hpp
    "~server<config>()=>~server()" "    server<config>(server<config>=>    server(server<config>")
  hs_edit_websocketpp(logger/basic.hpp
    "~basic<concurrency,names>()=>~basic()" "    basic<concurrency,names>(=>    basic(")
  hs_edit_websocketpp(logger/syslog.hpp "    syslog<concurrency,names>(=>    syslog(")
  hs_edit_websocketpp(processors/hybi13.hpp
    "if (m_current_msg->msg_ptr->get_opcode() == frame::opcode::TEXT)=>if (false)"
    "op == frame::opcode::TEXT && !utf8_validator::validate(i)=>false")
  file(WRITE "${HS_WEBSOCKETPP_COPY}/.done-2" "")
endif()
add_library(hs_websocketpp INTERFACE)
target_include_directories(hs_websocketpp SYSTEM INTERFACE "${HS_WEBSOCKETPP_COPY}")
target_compile_definitions(hs_websocketpp INTERFACE _WEBSOCKETPP_CPP11_STL_)
target_link_libraries(hs_websocketpp INTERFACE hs_asio)
