#include "nat_probe/advice.hpp"

#include <chrono>

namespace ice::nat_probe {
namespace {

using nat::ClassicType;
using nat::Doubt;
using programs::Language;
using programs::Text;

constexpr Text blocked{
    "UDP does not pass here: give ICE a TURN server over TCP or TLS, best on port 443.",
    "이 망에서는 UDP가 막혀 있습니다. TCP나 TLS로 쓰는 TURN 서버를(되도록 443번 포트) ICE에 지정하십시오."};
constexpr Text nobody{"Nobody answered, over UDP or TCP: look whether this host is online and the servers are right.",
                      "UDP로도 TCP로도 응답이 없습니다. 이 호스트의 연결과 서버 주소를 확인하십시오."};
constexpr Text open{"Direct connections with everybody who has UDP; no relay is needed for this side's sake.",
                    "UDP를 쓸 수 있는 누구와도 직접 연결됩니다. 이쪽 때문에 릴레이가 필요하지는 않습니다."};
constexpr Text restricted{
    "Direct connections with most, if ICE asks a STUN server; with a symmetric NAT on the other side, too.",
    "ICE가 STUN 서버를 쓰면 대부분 직접 연결됩니다. 상대가 대칭형 NAT이어도 됩니다."};
constexpr Text port_restricted{
    "Direct connections with most, if ICE asks a STUN server; with a symmetric NAT on the other side only a relay "
    "helps: "
    "give ICE a TURN server too.",
    "ICE가 STUN 서버를 쓰면 대부분 직접 연결됩니다. 상대가 대칭형 NAT이면 릴레이가 필요하므로 TURN 서버도 "
    "지정하십시오."};
constexpr Text symmetric{
    "Direct connections only with peers that are open, full cone or restricted cone: give ICE a TURN server for the "
    "others.",
    "상대가 공인 주소, 전방향 콘, 주소 제한 콘일 때만 직접 연결됩니다. 나머지를 위해 TURN 서버를 지정하십시오."};
constexpr Text ask_better{
    "For the filtering, ask a server that has two addresses (RFC 5780), such as `turn_server` with two --listen.",
    "필터링을 알려면 주소가 둘인 서버(RFC 5780)에 물어보십시오. 예: --listen을 두 번 준 `turn_server`."};
constexpr Text ask_more{"For the mapping, name a second server at another address.",
                        "매핑을 알려면 다른 주소의 서버를 하나 더 지정하십시오."};
constexpr Text again{"Much was lost on the way: ask again.", "도중에 패킷이 많이 사라졌습니다. 다시 시도하십시오."};
constexpr Text unsteady{"The network behaves now this way and now that: ask again, and expect calls to need a relay.",
                        "망의 동작이 일정하지 않습니다. 다시 시도하고, 통화에 릴레이가 필요할 수 있음을 감안하십시오."};
constexpr Text no_hairpin{"Two hosts behind this NAT need each other's local addresses (host candidates).",
                          "이 NAT 뒤의 두 호스트끼리는 로컬 주소(호스트 후보)가 필요합니다."};
constexpr Text gateway{"Something rewrites addresses inside of packets: switch off the router's ALG for SIP or STUN.",
                       "누군가 패킷 속의 주소를 고쳐 씁니다. 공유기의 SIP/STUN ALG를 끄십시오."};

constexpr Text short_life{
    "Mappings die early (RFC 4787 REQ-5 wants 2 minutes): send keepalives often, as ICE does every 15 s.",
    "매핑이 일찍 사라집니다(RFC 4787 REQ-5는 2분 이상). ICE처럼 15초마다 킵얼라이브를 보내십시오."};

/// RFC 4787 REQ-5.
constexpr Duration least_lifetime = std::chrono::minutes{2};

const Text* main_advice(const Result& result) noexcept {
  switch (result.classic) {
    case ClassicType::unknown:
      return result.behavior.udp_answered ? nullptr : &nobody;
    case ClassicType::open_internet:
    case ClassicType::full_cone:
      return &open;
    case ClassicType::restricted_cone:
      return &restricted;
    case ClassicType::port_restricted_cone:
      return &port_restricted;
    case ClassicType::symmetric_firewall:
      return result.behavior.filtering.value == nat::Filtering::address_dependent ? &restricted : &port_restricted;
    case ClassicType::symmetric:
      return &symmetric;
    case ClassicType::udp_blocked:
      return &blocked;
  }
  return nullptr;
}

const Text* doubt_advice(Doubt doubt) noexcept {
  switch (doubt) {
    case Doubt::one_server:
      return &ask_more;
    case Doubt::no_other_address:
    case Doubt::other_address_silent:
    case Doubt::server_does_not_change:
      return &ask_better;
    case Doubt::too_few_answers:
      return &again;
    case Doubt::disagreement:
    case Doubt::mapping_moved:
      return &unsteady;
    default:
      return nullptr;
  }
}

}  // namespace

std::vector<std::string> advice_for(const Result& result, Language language) {
  const nat::Behavior& behavior = result.behavior;
  std::vector<const Text*> chosen{main_advice(result)};
  if (behavior.mapping.value == nat::Mapping::unknown) chosen.push_back(doubt_advice(behavior.mapping.doubt));
  if (behavior.filtering.value == nat::Filtering::unknown) chosen.push_back(doubt_advice(behavior.filtering.doubt));
  if (behavior.hairpinning.value == nat::Hairpinning::unsupported) chosen.push_back(&no_hairpin);
  if (behavior.lifetime_below && *behavior.lifetime_below <= least_lifetime) chosen.push_back(&short_life);
  if (behavior.addresses_rewritten) chosen.push_back(&gateway);
  std::vector<std::string> sentences;
  const Text* last = nullptr;
  for (const Text* text : chosen) {
    if (text != nullptr && text != last) sentences.emplace_back(text->in(language));
    last = text;
  }
  return sentences;
}

}  // namespace ice::nat_probe
