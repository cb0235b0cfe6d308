#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ice/base/export.hpp"
#include "ice/nat/behavior.hpp"

namespace ice::nat {

/// The names of RFC 3489 §5 and §10.1, which many still know NATs by.
enum class ClassicType : std::uint8_t {
  unknown,
  open_internet,
  full_cone,
  restricted_cone,
  port_restricted_cone,
  symmetric,
  symmetric_firewall,  ///< no translation, and only answers get in
  udp_blocked,         ///< the same server is there for TCP
};

/// "unknown", "open internet", "full cone", "restricted cone", "port restricted cone", "symmetric",
/// "symmetric firewall", "udp blocked".
ICE_API std::string_view to_string(ClassicType type) noexcept;

/// One question of RFC 3489 §10.1, figure 2.
enum class ClassicTest : std::uint8_t {
  test_1,        ///< does anybody answer, and is this address the one that he sees?
  test_1_again,  ///< does another address see the same?
  test_2,        ///< does an answer from another address and port get in?
  test_3,        ///< does one from another port?
};
enum class ClassicOutcome : std::uint8_t { unknown, yes, no };
struct ClassicStep {
  ClassicTest test{};
  ClassicOutcome outcome{};
};

/// The discovery of RFC 3489 §10.1, as a view of what RFC 5780's has found: the same answers under the old names.
///
/// RFC 5389 §2 dropped it: real NATs fit none of the boxes, mapping and filtering vary independently, they change under
/// load and differ from port to port, and the tree took no account of hairpinning or lifetimes. A name is good for a
/// conversation, never as the base of a decision; predict() takes a Behavior.
///
/// One departure from figure 2: the mapping is looked at before test II is. There a NAT with a mapping for each remote
/// that filters nothing is a "full cone", whose one external endpoint it does not have; here it is "symmetric".
class ICE_API ClassicDiscovery {
 public:
  explicit ClassicDiscovery(const Behavior& behavior);

  ClassicType type() const noexcept { return type_; }
  /// The way through the tree. It ends where an outcome is unknown.
  const std::vector<ClassicStep>& steps() const noexcept { return steps_; }

 private:
  ClassicType classify(const Behavior& behavior);
  ClassicOutcome step(ClassicTest test, ClassicOutcome outcome);

  std::vector<ClassicStep> steps_;
  ClassicType type_;
};

}  // namespace ice::nat
