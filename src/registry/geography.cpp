#include "ccoc/registry/geography.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

namespace ccoc::registry {
namespace {

namespace json = boost::json;

constexpr std::array layers{Layer::zones, Layer::communities, Layer::places, Layer::base};
constexpr std::size_t max_features = 20'000;
constexpr std::size_t max_bytes = 16u << 20;

constexpr std::string_view empty_collection = R"({"type":"FeatureCollection","features":[]})";

struct Feature {
  std::string id;
  std::string text;  ///< serialized
};

bool good_coordinates(const json::value& value, int depth) {
  const auto* array = value.if_array();
  if (array == nullptr || array->empty() || depth > 4) return false;
  if ((*array)[0].is_array()) {
    return std::ranges::all_of(*array, [depth](const json::value& inner) { return good_coordinates(inner, depth + 1); });
  }
  if (array->size() < 2) return false;
  const auto number = [](const json::value& v) { return v.is_number() ? v.to_number<double>() : std::nan(""); };
  const double lon = number((*array)[0]), lat = number((*array)[1]);
  return std::abs(lon) <= 180 && std::abs(lat) <= 90;
}

Result<std::vector<Feature>> read_features(std::string_view geojson, bool ids_needed) {
  if (geojson.size() > max_bytes) return fail(ErrorCode::invalid_argument, "the file is larger than 16 MiB");
  boost::system::error_code error;
  const auto root = json::parse(geojson, error);
  const auto* object = error ? nullptr : root.if_object();
  const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
  const auto* list = object != nullptr ? object->if_contains("features") : nullptr;
  if (type == nullptr || *type != "FeatureCollection" || list == nullptr || !list->is_array()) {
    return fail(ErrorCode::invalid_argument, "this is no GeoJSON FeatureCollection (RFC 7946)");
  }
  if (list->get_array().size() > max_features) return fail(ErrorCode::invalid_argument, "more than 20 000 features");
  std::vector<Feature> out;
  std::set<std::string> seen;
  for (const auto& value : list->get_array()) {
    const std::string where = "feature " + std::to_string(out.size() + 1);
    const auto* feature = value.if_object();
    const auto* geometry = feature != nullptr ? feature->if_contains("geometry") : nullptr;
    const auto* shape = geometry != nullptr ? geometry->if_object() : nullptr;
    const auto* coordinates = shape != nullptr ? shape->if_contains("coordinates") : nullptr;
    if (coordinates == nullptr || !good_coordinates(*coordinates, 0)) {
      return fail(ErrorCode::invalid_argument, where + " has no geometry with coordinates as [longitude, latitude]", "geometry");
    }
    const auto* properties = feature->if_contains("properties");
    const auto* id = properties != nullptr && properties->is_object() ? properties->get_object().if_contains("id") : nullptr;
    std::string name = id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
    if (name.empty()) {
      if (ids_needed) return fail(ErrorCode::invalid_argument, where + " has no \"id\" among its properties", "properties.id");
      name = "feature-" + std::to_string(out.size() + 1);
    }
    if (!seen.insert(name).second) return fail(ErrorCode::invalid_argument, where + " has the id of another: " + name, "properties.id");
    out.push_back({std::move(name), json::serialize(value)});
  }
  return out;
}

}  // namespace

std::string_view to_string(Layer layer) {
  switch (layer) {
    case Layer::zones: return "zones";
    case Layer::communities: return "communities";
    case Layer::places: return "places";
    case Layer::base: return "base";
  }
  return "base";
}

class Geography::Impl {
 public:
  explicit Impl(db::Database& database) : database_(database) {}

  Status load() {
    const auto rows = database_.query("select layer, id, feature::text from map_features order by layer, position");
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, std::vector<Feature>> found;
    for (const auto& row : *rows) found[row.text(0)].push_back({row.text(1), row.text(2)});
    const std::lock_guard lock(mutex_);
    features_ = std::move(found);
    return {};
  }

  Status write(const std::vector<std::pair<Layer, std::vector<Feature>>>& changes) {
    const auto done = database_.transaction([&](db::Transaction& t) -> Status {
      for (const auto& [layer, features] : changes) {
        if (auto gone = t.execute("delete from map_features where layer = $1", {to_string(layer)}); !gone)
          return std::unexpected(gone.error());
        for (std::size_t i = 0; i < features.size(); ++i) {
          const auto put = t.execute("insert into map_features (layer, id, position, feature) values ($1, $2, $3, $4::jsonb)",
                                     {to_string(layer), features[i].id, i, features[i].text});
          if (!put) return std::unexpected(put.error());
        }
      }
      return {};
    });
    return done ? load() : done;
  }

  std::string geojson(Layer layer) const {
    const std::lock_guard lock(mutex_);
    const auto found = features_.find(std::string(to_string(layer)));
    if (found == features_.end()) return std::string(empty_collection);
    std::string out = R"({"type":"FeatureCollection","features":[)";
    for (std::size_t i = 0; i < found->second.size(); ++i) out += (i == 0 ? "" : ",") + found->second[i].text;
    return out + "]}";
  }

  std::vector<std::string> ids(Layer layer) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    if (const auto found = features_.find(std::string(to_string(layer))); found != features_.end()) {
      for (const auto& feature : found->second) out.push_back(feature.id);
    }
    return out;
  }

  bool empty() const {
    const std::lock_guard lock(mutex_);
    return features_.empty();
  }

 private:
  db::Database& database_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Feature>> features_;
};

Geography::Geography(db::Database& database) : impl_(std::make_unique<Impl>(database)) {}
Geography::~Geography() = default;

Status Geography::load() { return impl_->load(); }
bool Geography::empty() const { return impl_->empty(); }
std::string Geography::geojson(Layer layer) const { return impl_->geojson(layer); }
std::vector<std::string> Geography::ids(Layer layer) const { return impl_->ids(layer); }

Status Geography::load_folder(const std::filesystem::path& dir) {
  std::vector<std::pair<Layer, std::vector<Feature>>> changes;
  for (const auto layer : layers) {
    const auto path = dir / (std::string(to_string(layer)) + ".geojson");
    std::ifstream file(path, std::ios::binary);
    if (!file) continue;
    std::ostringstream text;
    text << file.rdbuf();
    auto features = read_features(text.str(), layer != Layer::base);
    if (!features) return std::unexpected(features.error().within(path.string()));
    changes.emplace_back(layer, std::move(*features));
  }
  if (changes.empty()) {
    return fail(ErrorCode::not_found, dir.string() + " holds none of zones.geojson, communities.geojson, places.geojson, base.geojson");
  }
  return impl_->write(changes);
}

Status Geography::replace(Layer layer, std::string_view geojson) {
  auto features = read_features(geojson, layer != Layer::base);
  if (!features) return std::unexpected(features.error());
  return impl_->write({{layer, std::move(*features)}});
}

}  // namespace ccoc::registry
