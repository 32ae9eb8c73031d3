package dev.depths.loader.tokenizer;

/** Strings that are there as such. */
record StringList(String... strings) implements Strings {
  @Override
  public int size() {
    return strings.length;
  }

  @Override
  public int maxLength(int index) {
    return strings[index].length();
  }

  @Override
  public int read(int index, char[] to, int at) {
    String s = strings[index];
    s.getChars(0, s.length(), to, at);
    return at + s.length();
  }
}
