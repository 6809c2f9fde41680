// Zones, communities, places and the hand-drawn base map, as GeoJSON (RFC 7946). Kept in PostgreSQL as jsonb and in memory
// as text, so that the map is drawn while the database is away. Thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/db/database.h"

namespace ccoc::registry {

enum class Layer { zones, communities, places, base };
/// "zones" …, also the file's name without ".geojson".
std::string_view to_string(Layer layer);

class Geography {
 public:
  explicit Geography(db::Database& database);
  ~Geography();
  Geography(const Geography&) = delete;
  Geography& operator=(const Geography&) = delete;

  /// Reads all layers into memory.
  Status load();
  /// True when no layer holds anything.
  bool empty() const;

  /// A FeatureCollection as text; empty collection where nothing was loaded. Properties: id, name {th,en}, kind,
  /// approximate, color.
  std::string geojson(Layer layer) const;
  /// Ids of the zones or communities there are.
  std::vector<std::string> ids(Layer layer) const;

  /// Replaces the layers for which DIR holds a file (zones.geojson, communities.geojson, places.geojson, base.geojson), in
  /// one transaction; `invalid_argument` with file and feature when one is not what it should be: nothing is changed then.
  Status load_folder(const std::filesystem::path& dir);
  /// The same for one layer's text.
  Status replace(Layer layer, std::string_view geojson);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::registry
