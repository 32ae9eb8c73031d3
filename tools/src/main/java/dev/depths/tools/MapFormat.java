package dev.depths.tools;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** The files that a map of routing can be written to; named as they end. */
enum MapFormat {
  HTML,
  SVG,
  JSON;

  /** The one by which a file's name ends. */
  static Optional<MapFormat> of(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    for (MapFormat format : values()) {
      if (name.endsWith("." + format.name().toLowerCase(Locale.ROOT))) {
        return Optional.of(format);
      }
    }
    return Optional.empty();
  }

  /** What the file holds. */
  String text(RoutingMap map) {
    return switch (this) {
      case HTML -> RoutingHtml.of(map);
      case SVG -> RoutingSvg.of(map);
      case JSON -> Json.compact(map.json()) + "\n";
    };
  }
}
