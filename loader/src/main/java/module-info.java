/** Bytes to checkpoint: model files, tokenizers, chat templates and the Mixture-of-Depths descriptor. */
module dev.depths.loader {
  requires org.agrona;
  requires com.fasterxml.jackson.databind;
  requires jinjava;
  // Jinjava, an automatic module, uses java.beans.
  requires java.desktop;

  exports dev.depths.loader;
  exports dev.depths.loader.tokenizer;
  exports dev.depths.loader.chat;
}
