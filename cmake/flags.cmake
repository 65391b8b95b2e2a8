# Warnings and hardening for our code only: third-party headers come in as SYSTEM.
add_library(hs_flags INTERFACE)
target_compile_features(hs_flags INTERFACE cxx_std_20)
target_compile_options(hs_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align)
# -Wswitch-enum would forbid `default`, which generated and third-party enums need in places.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(hs_flags INTERFACE
    -Wswitch-enum -Wduplicated-cond -Wduplicated-branches -Wlogical-op)
  # Two false reports of g++ 12 under optimisation: std::string::insert and operator+ (GCC bug
  # 105651), and coroutine frames, whose operator new it does not see next to their delete.
  target_compile_options(hs_flags INTERFACE -Wno-restrict -Wno-mismatched-new-delete)
endif()
if(HS_WARNINGS_AS_ERRORS)
  target_compile_options(hs_flags INTERFACE -Werror)
endif()

# Every object of the program sees the same switches, so that no inline function differs between units.
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(HS_SANITIZE)
  add_compile_options(-fsanitize=${HS_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HS_SANITIZE})
  if(HS_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=all)
  endif()
  if(HS_SANITIZE MATCHES "thread")
    # Asio fences are not modelled by the sanitizer; g++ warns at each of them.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(HS_COVERAGE)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()
