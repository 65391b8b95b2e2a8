#include "chainclient/simnode/runner.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <iostream>

namespace hotside::simnode {

namespace asio = boost::asio;
using boost::system::error_code;

struct Runner::Running {
  Running(asio::io_context& io, Task what, Done then)
      : task(std::move(what)), done(std::move(then)), timer(io) {}
  Task task;
  Done done;
  asio::steady_timer timer;
};

void Runner::act(std::string_view line, Done done) {
  auto words = split_words(line);
  if (!words.empty() && words[0] == "scenario") return done(scenario_);
  auto task = node_.task(std::move(words));
  if (!task) return done(fail(std::move(task.error())));
  step(std::make_shared<Running>(io_, *std::move(task), std::move(done)));
}

void Runner::step(std::shared_ptr<Running> running) {
  auto const step_done = running->task();
  if (step_done.done) return running->done(*step_done.done);
  if (step_done.wait_seconds <= 0) {
    asio::post(io_, [this, running] { step(running); });
    return;
  }
  running->timer.expires_after(std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(step_done.wait_seconds)));
  running->timer.async_wait([this, running](error_code const& ec) {
    if (!ec) step(running);
  });
}

void Runner::play(Script script) {
  script_ = std::move(script);
  scenario_ = "running";
  asio::post(io_, [this] { next_command(); });
}

void Runner::next_command() {
  auto const* command = script_.next();
  if (!command) {
    scenario_ = "done";
    return;
  }
  auto const where = "line " + std::to_string(command->line);
  scenario_ = "running " + where;
  auto const after = [this, where](Result<std::string> outcome) {
    if (outcome) {
      asio::post(io_, [this] { next_command(); });
      return;
    }
    scenario_ = "failed " + where + ": " + outcome.error().what;
    std::cerr << "scenario " << where << ": " << outcome.error().what << std::endl;
  };
  auto task = node_.task(command->words);
  if (!task) return after(fail(std::move(task.error())));
  step(std::make_shared<Running>(io_, *std::move(task), after));
}

}  // namespace hotside::simnode
