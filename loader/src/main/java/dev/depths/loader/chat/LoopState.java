package dev.depths.loader.chat;

import com.hubspot.jinjava.util.ForLoop;
import java.util.List;

/** The variable {@code loop} of a for statement. */
final class LoopState extends ForLoop {
  private final List<?> elements;
  private final int depth;

  LoopState(List<?> elements, int depth) {
    super(elements.iterator(), elements.size());
    this.elements = elements;
    this.depth = depth;
  }

  int depth() {
    return depth;
  }

  /** An attribute; null before the first and after the last element, which are undefined. */
  Object attribute(String name) {
    int index = getIndex0();
    return switch (name) {
      case "index" -> index + 1L;
      case "index0" -> (long) index;
      case "revindex" -> (long) elements.size() - index;
      case "revindex0" -> elements.size() - index - 1L;
      case "first" -> index == 0;
      case "last" -> index == elements.size() - 1;
      case "length" -> (long) elements.size();
      case "depth" -> depth + 1L;
      case "depth0" -> (long) depth;
      case "previtem" -> index > 0 ? elements.get(index - 1) : null;
      case "nextitem" -> index < elements.size() - 1 ? elements.get(index + 1) : null;
      default -> throw new ChatTemplateException("the chat template uses loop." + name + ", which is not supported");
    };
  }
}
