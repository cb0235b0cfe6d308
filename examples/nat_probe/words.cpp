#include "nat_probe/words.hpp"

namespace ice::nat_probe {

using programs::Language;
using programs::Text;

std::string_view meaning(nat::Mapping mapping, Language language) noexcept {
  using nat::Mapping;
  switch (mapping) {
    case Mapping::unknown:
      break;
    case Mapping::endpoint_independent:
      return Text{"every remote sees the same address and port, so a peer can be told it",
                  "모든 상대에게 같은 주소와 포트로 보이므로 상대에게 알려 줄 수 있음"}
          .in(language);
    case Mapping::address_dependent:
      return Text{"each remote address sees another port; what a server sees is no use to a peer",
                  "상대 주소마다 다른 포트로 보여, 서버가 본 포트는 다른 상대에게 쓸모없음"}
          .in(language);
    case Mapping::address_and_port_dependent:
      return Text{"each remote address and port sees another port; what a server sees is no use to a peer",
                  "상대 주소와 포트마다 다른 포트로 보여, 서버가 본 포트는 다른 상대에게 쓸모없음"}
          .in(language);
    case Mapping::endpoint_dependent:
      return Text{"servers see different ports; whether by address or by port was not to be told",
                  "서버마다 다른 포트로 보임. 주소 때문인지 포트 때문인지는 알 수 없었음"}
          .in(language);
  }
  return {};
}

std::string_view meaning(nat::Filtering filtering, Language language) noexcept {
  using nat::Filtering;
  switch (filtering) {
    case Filtering::unknown:
      break;
    case Filtering::endpoint_independent:
      return Text{"everybody who knows the address and port gets in", "주소와 포트를 아는 누구나 들어올 수 있음"}.in(
          language);
    case Filtering::address_dependent:
      return Text{"only addresses that were sent to get in, from any port",
                  "먼저 보낸 적이 있는 주소만 들어올 수 있음 (포트는 무관)"}
          .in(language);
    case Filtering::address_and_port_dependent:
      return Text{"only addresses and ports that were sent to get in",
                  "먼저 보낸 적이 있는 주소와 포트만 들어올 수 있음"}
          .in(language);
  }
  return {};
}

std::string_view meaning(nat::PortAllocation allocation, Language language) noexcept {
  using nat::PortAllocation;
  switch (allocation) {
    case PortAllocation::unknown:
      break;
    case PortAllocation::untranslated:
      return Text{"nothing is translated", "변환이 없음"}.in(language);
    case PortAllocation::preserving:
      return Text{"the external port is the local one, where that is free", "비어 있으면 로컬 포트를 그대로 씀"}.in(
          language);
    case PortAllocation::sequential:
      return Text{"each new external port follows the last one", "새 외부 포트가 차례로 이어짐"}.in(language);
    case PortAllocation::random:
      return Text{"external ports cannot be foretold", "외부 포트를 예측할 수 없음"}.in(language);
  }
  return {};
}

std::string_view meaning(nat::Hairpinning hairpinning, Language language) noexcept {
  using nat::Hairpinning;
  switch (hairpinning) {
    case Hairpinning::unknown:
      break;
    case Hairpinning::unsupported:
      return Text{"two hosts behind it do not reach each other by their external addresses",
                  "NAT 뒤의 두 호스트가 외부 주소로는 서로 닿지 못함"}
          .in(language);
    case Hairpinning::external_source:
      return Text{"two hosts behind it reach each other by their external addresses",
                  "NAT 뒤의 두 호스트가 외부 주소로 서로 닿을 수 있음"}
          .in(language);
    case Hairpinning::internal_source:
      return Text{"packets come back inside from an internal address, which confuses whoever answers",
                  "되돌아온 패킷의 출발지가 내부 주소여서 응답이 어긋남"}
          .in(language);
  }
  return {};
}

std::string_view meaning(nat::Fragments fragments, Language language) noexcept {
  using nat::Fragments;
  switch (fragments) {
    case Fragments::unknown:
      break;
    case Fragments::passed:
      return Text{"datagrams longer than the MTU arrive", "MTU보다 긴 데이터그램이 도착함"}.in(language);
    case Fragments::dropped:
      return Text{"datagrams longer than the MTU are lost", "MTU보다 긴 데이터그램은 사라짐"}.in(language);
  }
  return {};
}

std::string_view reason(nat::Doubt doubt, Language language) noexcept {
  using nat::Doubt;
  switch (doubt) {
    case Doubt::no_doubt:
      break;
    case Doubt::not_asked:
      return Text{"not asked", "묻지 않음"}.in(language);
    case Doubt::no_answer:
      return Text{"no server answered over UDP", "UDP로 응답한 서버가 없음"}.in(language);
    case Doubt::one_server:
      return Text{"one server with one address cannot tell", "주소가 하나뿐인 서버 하나로는 알 수 없음"}.in(language);
    case Doubt::no_other_address:
      return Text{"no server has a second address (OTHER-ADDRESS, RFC 5780 §7.4)",
                  "둘째 주소를 가진 서버가 없음 (OTHER-ADDRESS, RFC 5780 §7.4)"}
          .in(language);
    case Doubt::other_address_silent:
      return Text{"the second address that the server names does not answer",
                  "서버가 알려 준 둘째 주소가 응답하지 않음"}
          .in(language);
    case Doubt::server_does_not_change:
      return Text{"the server does not answer from its second address when asked to (CHANGE-REQUEST, RFC 5780 §7.2)",
                  "서버가 요청받은 둘째 주소에서 응답하지 않음 (CHANGE-REQUEST, RFC 5780 §7.2)"}
          .in(language);
    case Doubt::server_does_not_support:
      return Text{"the server does not support this test", "서버가 이 시험을 지원하지 않음"}.in(language);
    case Doubt::too_few_answers:
      return Text{"too many packets were lost to tell", "패킷이 너무 많이 사라져 알 수 없음"}.in(language);
    case Doubt::disagreement:
      return Text{"two looks at it saw two things", "두 번 보았을 때 서로 다르게 나타남"}.in(language);
    case Doubt::mapping_moved:
      return Text{"the mapping changed meanwhile", "그사이 매핑이 바뀜"}.in(language);
    case Doubt::cannot_be_seen:
      return Text{"it cannot be seen here", "이 환경에서는 볼 수 없음"}.in(language);
  }
  return {};
}

std::string_view question(nat::Test test, Language language) noexcept {
  using nat::Test;
  switch (test) {
    case Test::contact:
      break;
    case Test::fresh_mapping:
      return Text{"how do you see a new port?", "새 포트가 어떻게 보이는가"}.in(language);
    case Test::mapping:
      return Text{"and how do you see the first one?", "첫 포트는 다른 곳에서 어떻게 보이는가"}.in(language);
    case Test::mapping_control:
      return Text{"is it still the same?", "아직 그대로인가"}.in(language);
    case Test::filtering_address:
      return Text{"answer from another address", "다른 주소에서 응답해 달라"}.in(language);
    case Test::filtering_port:
      return Text{"answer from another port", "다른 포트에서 응답해 달라"}.in(language);
    case Test::opening:
      return Text{"may you answer here?", "이 포트로 응답할 길을 연다"}.in(language);
    case Test::change_address_control:
      return Text{"answer from another address, which is let in", "열어 둔 다른 주소에서 응답해 달라"}.in(language);
    case Test::change_port_control:
      return Text{"answer from another port, which is let in", "열어 둔 다른 포트에서 응답해 달라"}.in(language);
    case Test::filtering_control:
    case Test::hairpin_control:
    case Test::fragments_control:
    case Test::lifetime_control:
      return Text{"is the path alive?", "경로가 살아 있는가"}.in(language);
    case Test::fragments:
      return Text{"does a request of 1500 bytes arrive?", "1500바이트 요청이 도착하는가"}.in(language);
    case Test::lifetime_refresh:
      return Text{"how do you see a port that will be idle?", "쉬게 될 포트가 어떻게 보이는가"}.in(language);
    case Test::lifetime:
      return Text{"answer to the idle port", "쉬던 포트로 응답해 달라"}.in(language);
    case Test::tcp:
      return Text{"are you there over TCP?", "TCP로는 응답하는가"}.in(language);
  }
  return Text{"how do you see me?", "내가 어떻게 보이는가"}.in(language);
}

std::string_view word(nat::Confidence confidence, Language language) noexcept {
  switch (confidence) {
    case nat::Confidence::none:
      break;
    case nat::Confidence::low:
      return Text{"hardly sure", "확신 낮음"}.in(language);
    case nat::Confidence::medium:
      return Text{"fairly sure", "확신 보통"}.in(language);
    case nat::Confidence::high:
      return Text{"sure", "확실"}.in(language);
  }
  return {};
}

}  // namespace ice::nat_probe
