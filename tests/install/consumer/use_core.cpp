// Takes something of every floor of core, and of what core uses inside: OpenSSL for random bytes and keys, utf8proc
// for names that are not ASCII.
#include <ice/ice.hpp>
#include <iostream>

int main() {
  ice::CryptoRandom random;
  ice::Pacer pacer;
  ice::Agent agent{{}, {random, pacer}};
  const std::string offer = ice::sdp::format(agent.local_description());
  const auto told = ice::sdp::parse_description(offer);
  if (!told || told->ufrag != agent.local_description().ufrag) return 1;
  if (!ice::stun::Credential::short_term("비밀번호")) return 1;
  std::cout << offer;
  return 0;
}
