#include "tests/unit/node/support.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <fstream>

namespace hotside::node::testing {
namespace {

std::string accept_key(std::string const& request) {
  std::string lower = request;
  for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string const name = "sec-websocket-key: ";
  auto const begin = lower.find(name);
  if (begin == std::string::npos) return {};
  auto const end = request.find("\r\n", begin);
  auto const text = request.substr(begin + name.size(), end - begin - name.size()) +
                    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<unsigned char const*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 64> base64{};
  auto const size = EVP_EncodeBlock(base64.data(), digest.data(), digest.size());
  return {reinterpret_cast<char const*>(base64.data()), static_cast<std::size_t>(size)};
}

void set_patience(asio::ip::tcp::socket& socket) {
  timeval const patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

}  // namespace

// Plain recv and send: Asio's blocking calls wait on past a timeout of the socket.
bool FakeConnection::read_exactly(std::string& into, std::size_t size) {
  while (buffered_.size() < size) {
    std::array<char, 65536> chunk{};
    auto const got = recv(socket_.native_handle(), chunk.data(), chunk.size(), 0);
    if (got <= 0) return false;
    buffered_.append(chunk.data(), static_cast<std::size_t>(got));
  }
  into = buffered_.substr(0, size);
  buffered_.erase(0, size);
  return true;
}

std::string FakeConnection::read_handshake() {
  std::string request, byte;
  while (!request.ends_with("\r\n\r\n")) {
    if (!read_exactly(byte, 1)) return {};
    request += byte;
  }
  return request;
}

bool FakeConnection::answer_handshake(std::string const& request, std::string const& status,
                                      bool lower_case) {
  auto const key = accept_key(request);
  if (key.empty()) return false;
  std::string const head = "HTTP/1.1 " + status + "\r\n";
  if (lower_case)
    return write(head + "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: " +
                 key + "\r\n\r\n");
  return write(head + "Sec-WebSocket-Accept: " + key +
               "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

std::optional<ClientFrame> FakeConnection::read_frame() {
  std::string head, more, mask, payload;
  if (!read_exactly(head, 2)) return std::nullopt;
  auto const byte = [](std::string const& text, std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  std::uint64_t size = byte(head, 1) & 0x7fU;
  std::size_t const extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (extra > 0) {
    if (!read_exactly(more, extra)) return std::nullopt;
    size = 0;
    for (std::size_t i = 0; i < extra; ++i) size = size << 8U | byte(more, i);
  }
  if (!read_exactly(mask, 4) || !read_exactly(payload, size)) return std::nullopt;
  for (std::size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<char>(byte(payload, i) ^ byte(mask, i % 4));
  return ClientFrame{byte(head, 0) & 0x0f, payload};
}

bool FakeConnection::write(std::string const& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto const put =
        ::send(socket_.native_handle(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

std::string FakeConnection::write_until_full(std::string const& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto const put = ::send(socket_.native_handle(), bytes.data() + done, bytes.size() - done,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put <= 0) break;
    done += static_cast<std::size_t>(put);
  }
  return bytes.substr(done);
}

std::string FakeConnection::header(int opcode, std::uint64_t size, bool fin) {
  std::string head(1, static_cast<char>((fin ? 0x80 : 0) | opcode));
  if (size < 126) return head + static_cast<char>(size);
  bool const wide = size > 0xffff;
  head += static_cast<char>(wide ? 127 : 126);
  for (int i = (wide ? 8 : 2) - 1; i >= 0; --i) head += static_cast<char>(size >> (8 * i) & 0xff);
  return head;
}

FakeNode::FakeNode(Script script)
    : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}), script_(std::move(script)) {
  port_ = acceptor_.local_endpoint().port();
  thread_ = std::thread([this] { run(); });
}

FakeNode::~FakeNode() {
  stopping_ = true;
  shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes accept
  {
    std::lock_guard const lock(mutex_);
    if (current_) shutdown(current_->native_handle(), SHUT_RDWR);
  }
  thread_.join();
}

void FakeNode::run() {
  while (!stopping_) {
    asio::ip::tcp::socket socket(io_);
    boost::system::error_code ec;
    acceptor_.accept(socket, ec);
    if (ec) return;
    set_patience(socket);
    {
      std::lock_guard const lock(mutex_);
      if (stopping_) return;
      current_ = &socket;
    }
    ++connections_;
    FakeConnection connection(socket);
    script_(connection);
    std::lock_guard const lock(mutex_);
    current_ = nullptr;
  }
}

TempFile::TempFile(std::string const& text) {
  path_ = "/tmp/hotside-node-XXXXXX";
  auto const file = mkstemp(path_.data());
  close(file);
  write(text);
}

TempFile::~TempFile() { unlink(path_.c_str()); }

void TempFile::write(std::string const& text) const {
  std::ofstream(path_, std::ios::trunc) << text;
}

std::size_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  return 0;
}

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace hotside::node::testing
