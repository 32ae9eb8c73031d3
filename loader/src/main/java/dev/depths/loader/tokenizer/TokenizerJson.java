package dev.depths.loader.tokenizer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.agrona.collections.IntArrayList;

/**
 * A {@code tokenizer.json} as it stands (written by Hugging Face's tokenizers library).
 *
 * @param settings all but the model's vocabulary and merges
 * @param model settings of the model
 * @param pieces of the vocabulary, in the file's order
 * @param ids of the pieces
 * @param merges pairs of pieces, left and right by turns
 */
record TokenizerJson(
    Path file,
    Map<String, Object> settings,
    Map<String, Object> model,
    List<String> pieces,
    IntArrayList ids,
    List<String> merges) {
  static TokenizerJson read(Path file) throws IOException {
    TokenizerJson result = new TokenizerJson(
        file, new LinkedHashMap<>(), new LinkedHashMap<>(), new ArrayList<>(), new IntArrayList(), new ArrayList<>());
    try (JsonText json = JsonText.open(file)) {
      return json.document(() -> {
        for (String name = json.nextMember(); name != null; name = json.nextMember()) {
          if (name.equals("model") && json.isObject()) {
            result.readModel(json);
          } else {
            result.settings.put(name, json.value());
          }
        }
        return result;
      });
    }
  }

  private void readModel(JsonText json) throws IOException {
    for (String name = json.nextMember(); name != null; name = json.nextMember()) {
      if (name.equals("vocab") && json.isObject()) {
        readVocabulary(json);
      } else if (name.equals("merges") && json.isArray()) {
        readMerges(json);
      } else if (name.equals("vocab")) {
        // Unigram and other models write their vocabularies otherwise; they are refused by name later.
        json.skip();
      } else {
        model.put(name, json.value());
      }
    }
  }

  private void readVocabulary(JsonText json) throws IOException {
    for (String piece = json.nextMember(); piece != null; piece = json.nextMember()) {
      if (pieces.size() == Vocabulary.MAX_SIZE) {
        throw json.malformed("more than " + Vocabulary.MAX_SIZE + " tokens");
      }
      int id = json.integer();
      if (id < 0 || id >= Vocabulary.MAX_SIZE) {
        throw json.malformed("the token id " + id + ", expected 0 to " + (Vocabulary.MAX_SIZE - 1));
      }
      pieces.add(piece);
      ids.addInt(id);
    }
  }

  private void readMerges(JsonText json) throws IOException {
    while (json.nextElement()) {
      if (merges.size() >= 2 * Vocabulary.MAX_SIZE) {
        throw json.malformed("more than " + Vocabulary.MAX_SIZE + " merges");
      }
      if (json.isArray()) {
        readPair(json);
      } else {
        String merge = json.string();
        int space = merge.indexOf(' ', 1);
        if (space < 0) {
          throw json.malformed("'" + Texts.printable(merge) + "', expected two pieces with a space between them");
        }
        merges.add(merge.substring(0, space));
        merges.add(merge.substring(space + 1));
      }
    }
  }

  private void readPair(JsonText json) throws IOException {
    int n = 0;
    while (json.nextElement()) {
      merges.add(json.string());
      n++;
    }
    if (n != 2) {
      throw json.malformed("a merge of " + n + " pieces, expected two");
    }
  }
}
