#include "chainclient/simnode/sim_node.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/files.hpp"
#include "explorer/app/log.hpp"
#include "explorer/app/signals.hpp"

namespace hotside::app {
namespace {

// Readable by its owner only, and never in the place of a file that is there.
Result<wire::Token> write_new_token(std::string const& path) {
  auto const token = wire::Token::random();
  auto const text = token.base64();  // no line break, as the node writes it
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  auto const is_written =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  auto const why = std::generic_category().message(errno);
  if (file >= 0) ::close(file);
  if (!is_written) return fail(Fault::rejected, "cannot write " + path + ": " + why);
  return token;
}

Result<wire::Token> token_of(std::string const& path) {
  std::error_code unknown;  // reading says what is wrong
  bool const is_new = !std::filesystem::exists(path, unknown) && !unknown;
  if (is_new) return write_new_token(path);
  HS_TRY(text, read_small_file(path));
  auto token = wire::Token::parse(text);
  if (!token) return fail(Fault::rejected, path + ": " + token.error().what);
  return *token;
}

Result<simnode::Options> options_of(SimnodeOptions const& given) {
  simnode::Options options;
  options.network = given.network;
  options.generation = *model::parse_generation(given.generation);  // checked by the parser
  options.listen = given.listen;
  if (!given.control.empty()) options.control = given.control;
  options.seed = given.seed;
  options.speed = given.speed;
  if (!given.scenario.empty()) {
    HS_TRY(text, read_small_file(given.scenario));
    options.scenario = std::move(text);
  }
  HS_TRY(token, token_of(given.token_file));
  options.token = token;
  return options;
}

}  // namespace

int simnode(SimnodeOptions const& given) {
  Signals const signals;
  start_log(LogLevel::info, LogFormat::text);
  auto options = options_of(given);
  if (!options) return complain(options.error(), kUsage);
  auto const node = simnode::SimNode::start(std::move(*options));
  if (!node)
    return complain(node.error(), node.error().fault == Fault::rejected ? kUsage : kFailed);
  std::cout << "node ws://127.0.0.1:" << (*node)->port() << '\n';
  if (auto const port = (*node)->control_port(); port != 0)
    std::cout << "control 127.0.0.1:" << port << '\n';
  std::cout.flush();
  for (;;) {
    auto const signal = signals.wait(std::chrono::hours(1));
    if (signal && Signals::ends(*signal)) return kDone;
  }
}

}  // namespace hotside::app
