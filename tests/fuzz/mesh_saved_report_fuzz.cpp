// Saved reports: whatever the file holds, it is refused or explained, in both languages, and reads the same when
// written again.

#include <boost/json/serialize.hpp>
#include <string>

#include "common/report_json.hpp"
#include "common/report_read.hpp"
#include "fuzz/check.hpp"
#include "ice/base/bytes.hpp"
#include "mesh_demo/saved_report.hpp"

using namespace ice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto saved = mesh::parse_saved(text_of({data, size}));
  if (!saved) return 0;
  for (const mesh::SavedPeer& peer : saved->peers) {
    for (const ConnectivityReport& report : peer.attempts) {
      const auto written = programs::to_json(report, TimePoint{});
      const auto again = programs::report_from_json(written);
      ICE_FUZZ_CHECK(again.has_value());
      ICE_FUZZ_CHECK(boost::json::serialize(programs::to_json(*again, TimePoint{})) == boost::json::serialize(written));
    }
  }
  for (const auto* theirs : {static_cast<const mesh::SavedMesh*>(nullptr), &*saved}) {
    for (const mesh::Explained& each : mesh::explain_saved(*saved, theirs)) {
      for (const Language language : {Language::en, Language::ko}) {
        ICE_FUZZ_CHECK(!mesh::render(each, language).empty());
        for (std::size_t rank = 0; rank < each.findings.size(); ++rank)
          ICE_FUZZ_CHECK(mesh::to_json(each, rank, language).at("cause").is_string());
      }
      for (std::size_t i = 1; i < each.findings.size(); ++i)
        ICE_FUZZ_CHECK(each.findings[i - 1].severity != each.findings[i].severity ||
                       each.findings[i - 1].confidence >= each.findings[i].confidence);
    }
  }
  return 0;
}
