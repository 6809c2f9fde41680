#include <boost/json/array.hpp>

#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

Handler layer_handler(Context& context, registry::Layer layer) {
  return [&context, layer](const Request&) {
    auto out = json_response(200, context.services.geography.geojson(layer));
    out.headers.set("Content-Type", "application/geo+json");
    return out;
  };
}

}  // namespace

void add_geography_routes(Router& router, Context& context) {
  using registry::Layer;
  const auto need = Need::right(access::Right::map_read);
  router.add({Method::get, api_prefix + "/zones", need, layer_handler(context, Layer::zones)});
  router.add({Method::get, api_prefix + "/communities", need, layer_handler(context, Layer::communities)});
  router.add({Method::get, api_prefix + "/places", need, layer_handler(context, Layer::places)});
  router.add({Method::get, api_prefix + "/map/base.geojson", need, layer_handler(context, Layer::base)});
  router.add({Method::get, api_prefix + "/map/config", need, [&context](const Request&) {
                const auto& site = context.services.site;
                return json_response(200,
                                     to_text(json::object{{"center", json::array{site.center_lon, site.center_lat}},
                                                          {"zoom", site.zoom},
                                                          {"bounds", json::array{site.min_lon, site.min_lat, site.max_lon, site.max_lat}},
                                                          {"attribution", "© OpenStreetMap contributors (ODbL)"}}));
              }});
}

}  // namespace ccoc::api
