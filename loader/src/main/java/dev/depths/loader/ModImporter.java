package dev.depths.loader;

import java.util.List;
import java.util.Optional;

/**
 * Reads the checkpoints of one training code, which say by their tensor names and a few keys of their own what {@code
 * mod.*} keys would say. Files that have those are never imported.
 */
interface ModImporter {
  List<ModImporter> ALL = List.of(new MixtureOfDepthImporter(), new OharaImporter(), new SkipGptImporter(),
      new DllmImporter(), new RouterTuningImporter(), new GammaModImporter(), new SramshettyImporter(),
      new LlmBaselinesImporter(), new PmodImporter());

  /** The importer of a directory, if it is of a training code that has one. */
  static Optional<ModImporter> of(Metadata config, SourceTensors tensors) {
    return config.has("mod.version") ? Optional.empty()
        : ALL.stream().filter(importer -> importer.recognises(config, tensors)).findFirst();
  }

  /** Whether tensor names and configuration are those of this training code. */
  boolean recognises(Metadata config, SourceTensors tensors);

  /**
   * Reads a directory that was recognised.
   *
   * @throws LoadException if it is malformed, or of a variant that Depths does not run
   */
  ImportedModel read(Metadata config, SourceTensors tensors);
}
