#pragma once
// What the tests of the link share: a net thread, a place to wait for things to happen, and a
// server that does over a raw socket whatever a hostile or ancient node might do.

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "proto/wire/frame.hpp"

namespace hotside::node::testing {

namespace asio = boost::asio;
inline constexpr std::chrono::seconds kPatience{120};  // only failures wait this long

class NetThread {
 public:
  NetThread() : work_(asio::make_work_guard(io)), thread_([this] { io.run(); }) {}
  ~NetThread() {
    work_.reset();
    io.stop();
    thread_.join();
  }
  // Runs on the net thread and waits for it.
  template <class Function>
  auto call(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    asio::post(io, [&task] { task(); });
    return result.get();
  }

  asio::io_context io;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

// A value under a lock that one can wait for.
template <class T>
class Watched {
 public:
  template <class Change>
  void change(Change&& change) {
    {
      std::lock_guard const lock(mutex_);
      change(value_);
    }
    changed_.notify_all();
  }
  template <class Predicate>
  bool wait(Predicate&& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return holds(value_); });
  }
  T get() const {
    std::lock_guard const lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

struct ClientFrame {
  int opcode = 0;
  std::string payload;
};

// The server's end of one connection. Calls block, but never for longer than kPatience.
class FakeConnection {
 public:
  explicit FakeConnection(asio::ip::tcp::socket& socket) : socket_(socket) {}

  std::string read_handshake();  // up to and including the empty line; empty: gone
  // As v1.2.2 answers it; `status` and header case can be changed.
  bool answer_handshake(std::string const& request, std::string const& status, bool lower_case);
  bool handshake() { return answer_handshake(read_handshake(), "101 Switching Protocols", false); }
  std::optional<ClientFrame> read_frame();  // unmasked; nothing: gone
  bool write(std::string const& bytes);
  std::string write_until_full(std::string const& bytes);  // what the kernel did not take
  bool send(int opcode, std::string const& payload, bool fin = true) {
    return write(header(opcode, payload.size(), fin)) && write(payload);
  }
  bool send_text(std::string const& payload) { return send(1, payload); }
  static std::string header(int opcode, std::uint64_t size, bool fin = true);
  void wait_for_close() {
    while (read_frame()) {
    }
  }

 private:
  bool read_exactly(std::string& into, std::size_t size);
  asio::ip::tcp::socket& socket_;
  std::string buffered_;
};

// Serves one connection after the other with `script`; each ends when the script returns.
class FakeNode {
 public:
  using Script = std::function<void(FakeConnection&)>;
  explicit FakeNode(Script script);
  ~FakeNode();
  std::string endpoint() const { return "ws://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void run();
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  Script script_;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  asio::ip::tcp::socket* current_ = nullptr;
  std::thread thread_;
};

// A port at which every connection is refused: taken, so that nobody else can listen there, and not
// listened at.
class DeafPort {
 public:
  DeafPort() : acceptor_(io_, asio::ip::tcp::v4()) {
    acceptor_.bind({asio::ip::make_address("127.0.0.1"), 0});
  }
  std::string endpoint() const {
    return "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
};

// A file in the temporary folder, gone at the end.
class TempFile {
 public:
  explicit TempFile(std::string const& text);
  ~TempFile();
  void write(std::string const& text) const;
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

std::size_t peak_memory_kib();  // VmHWM
void reset_peak_memory();

}  // namespace hotside::node::testing
