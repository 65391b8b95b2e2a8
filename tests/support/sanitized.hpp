#pragma once
// Whether a sanitizer watches this build. It runs the same code several times slower, keeps shadow
// memory of its own, and ends the program where operator new would throw: a test that counts
// memory, or runs for very many rounds, asks here. No test asserts less because it is slower.

namespace hotside::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace hotside::test
