#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/time.hpp"

namespace ice::bench {

inline constexpr const char* user = "bench";
inline constexpr const char* password = "mark";
inline constexpr const char* realm = "example.org";

/// A new network namespace with a loopback interface and nothing else, so that what is started here reaches nobody.
/// False where the system does not allow it.
bool enter_namespace();

/// A relay in a process of its own, whose CPU time is read from /proc. Killed by the destructor.
class RelayProcess {
 public:
  /// A loop of recvfrom() and sendto() that strips `header` bytes, or recvmmsg() and sendmmsg() where `batched`.
  static RelayProcess bare(bool batched, std::size_t header, const Endpoint& to);
  /// coturn's turnserver; nothing where it is not installed.
  static std::optional<RelayProcess> coturn(std::uint16_t port);
  static RelayProcess turn_server(const std::string& program, std::uint16_t port);

  RelayProcess(RelayProcess&& other) noexcept;
  RelayProcess& operator=(RelayProcess&&) = delete;
  ~RelayProcess();

  const Endpoint& at() const noexcept { return at_; }

  /// What all threads of it have used so far.
  Duration cpu_time() const;

 private:
  RelayProcess(pid_t pid, const Endpoint& at) : pid_{pid}, at_{at} {}
  static RelayProcess spawn(std::vector<std::string> command, std::uint16_t port);

  pid_t pid_;
  Endpoint at_;
  std::filesystem::path folder_{};
};

}  // namespace ice::bench
