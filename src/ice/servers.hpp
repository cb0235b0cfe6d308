#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ice/agent.hpp"
#include "ice/report.hpp"

namespace ice {

/// The servers of the configuration, and the addresses behind their names. Who is asked what at them is the business of
/// Gatherer and Relays.
class Servers {
 public:
  struct Server {
    stun::Uri uri;
    enum class Name : std::uint8_t {
      unasked,
      asked,
      known,
      failed,
      unused,  // by policy
    } name = Name::unasked;
    std::vector<Endpoint> endpoints{};  // at most one of each family
  };

  explicit Servers(const AgentConfig& config);

  /// Gathering begins. Names that DNS must resolve come from next_name().
  void begin();
  std::optional<ServerNameNeeded> next_name();
  /// Of the addresses, best first, one of each family is used.
  void resolve(ServerId server, std::span<const Endpoint> addresses);
  void fail(ServerId server) noexcept;
  /// No name is wanted any more.
  void stop() noexcept { stopped_ = true; }

  /// No name is still to be resolved.
  bool settled() const noexcept;
  const std::vector<Server>& all() const noexcept { return all_; }
  /// Those that nobody could be asked at, with the cause.
  std::vector<ServerReport> unresolved() const;

 private:
  bool begun_ = false;
  bool stopped_ = false;
  std::vector<Server> all_;
};

}  // namespace ice
