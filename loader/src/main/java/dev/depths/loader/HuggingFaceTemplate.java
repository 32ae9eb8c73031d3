package dev.depths.loader;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The chat template of a Hugging Face directory: {@code chat_template.jinja}, or in {@code tokenizer_config.json} the
 * text itself or a list of named ones.
 */
final class HuggingFaceTemplate {
  private HuggingFaceTemplate() {}

  static Optional<String> read(Path directory) {
    try {
      Path template = directory.resolve("chat_template.jinja");
      if (Files.exists(template)) {
        return Optional.of(TextFile.read(template));
      }
      Path config = directory.resolve("tokenizer_config.json");
      return Files.exists(config) ? fromConfig(new Metadata(config, TextFile.json(config))) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<String> fromConfig(Metadata config) {
    if (!(config.value("chat_template") instanceof List<?> named)) {
      return config.string("chat_template");
    }
    for (Object entry : named) {
      if (entry instanceof Map<?, ?> map && "default".equals(map.get("name"))
          && map.get("template") instanceof String template) {
        return Optional.of(template);
      }
    }
    throw config.malformed("chat_template", "has no template named default");
  }
}
