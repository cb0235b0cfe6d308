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
      unused,       // by policy
      unsupported,  // what its URI wants we cannot do
    } name = Name::unasked;
    std::vector<Endpoint> endpoints{};  // that are asked; of each family the last one counts
    std::vector<Endpoint> spare{};      // where to go on, best first
  };

  /// Of one server; ours. Each costs a candidate's time, and who has more behind one name balances by DNS.
  static constexpr std::size_t most_addresses = 8;

  explicit Servers(const AgentConfig& config);

  /// Gathering begins. Names that DNS must resolve come from next_name().
  void begin();
  std::optional<ServerNameNeeded> next_name();
  /// Of the addresses, best first, one of each family is used, and the others are kept.
  void resolve(ServerId server, std::span<const Endpoint> addresses);
  void fail(ServerId server) noexcept;
  /// The address of this family that is asked now, or was asked last.
  std::optional<Endpoint> last(std::size_t server, Family family) const noexcept;
  /// The same where there is another one to go on to.
  std::optional<Endpoint> replaceable(std::size_t server, Family family) const noexcept;
  /// Asks at the next one, too.
  void go_on(std::size_t server, Family family);
  /// No name is wanted any more, nor another address.
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
